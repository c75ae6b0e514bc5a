// The channel list: the current channel and unread markers. The channel itself is simcord's page.
const LOOK_AGAIN = 1000;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const list = document.getElementById("channels");
const frame = document.getElementById("channel");
const away = document.getElementById("away");
let shown = null;
let switching = false;
let switches = 0; // responses to requests from before a switch are stale

async function ask(path, method = "GET") {
  const answer = await fetch(path, { method, headers: { "X-Newsdesk": "demo" }, cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function row(channel, current) {
  const button = document.createElement("button");
  const hash = document.createElement("span");
  hash.className = "hash";
  hash.textContent = "#";
  button.append(hash, channel.name);
  button.type = "button";
  button.dataset.channel = channel.name;
  if (current) button.setAttribute("aria-current", "page");
  if (channel.unread && !current) {
    const count = document.createElement("span");
    count.className = "count";
    count.textContent = String(channel.unread);
    count.setAttribute("aria-label", `${channel.unread} new`);
    button.classList.add("unread");
    button.append(count);
  }
  const item = document.createElement("li");
  item.append(button);
  return item;
}

// Redrawn only on change, so that no click gets lost.
const names = new Map();
let drawn = "";
function draw(state) {
  const now = JSON.stringify([state.channels, state.shown]);
  if (now === drawn) return;
  drawn = now;
  const focused = document.activeElement?.dataset?.channel;
  list.replaceChildren(...state.channels.map((channel) => row(channel, channel.name === state.shown)));
  if (focused) list.querySelector(`[data-channel="${focused}"]`)?.focus();
}

function install(state) {
  draw(state);
  if (state.frame === shown) return;
  shown = state.frame;
  frame.src = state.frame ?? "about:blank";
}

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

// Let pending user input finish first.
async function atRest() {
  for (let tries = 0; tries < 30 && frame.contentWindow?.simcordPreview?.pendingAction; tries += 1) await pause(100);
}

async function open(name) {
  if (switching) return;
  switching = true;
  switches += 1;
  try {
    await atRest();
    install(await ask(`/newsdesk/open/${encodeURIComponent(name)}?zone=${encodeURIComponent(zone)}`, "POST"));
    history.replaceState(null, "", `#${name}`);
  } finally {
    switching = false;
  }
}

async function look() {
  const before = switches;
  try {
    const state = await ask("/newsdesk/state");
    away.hidden = true;
    if (!switching && before === switches && state.shown) install(state);
  } catch {
    away.hidden = false;
  }
  setTimeout(look, LOOK_AGAIN);
}

// As in Discord: stay scrolled to the end when the message box grows, so that new replies are visible.
const ANSWER_COMES_WITHIN = 6000;
function follow(page) {
  const timeline = page.getElementById("channel-timeline");
  const jump = page.getElementById("new-messages");
  const messages = page.getElementById("channel-message-list");
  if (!timeline || !jump || !messages) return;
  let atEnd = true;
  let acted = 0;
  timeline.addEventListener("scroll", () => {
    atEnd = timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight <= 2;
  });
  new ResizeObserver(() => {
    if (atEnd) timeline.scrollTop = timeline.scrollHeight;
  }).observe(timeline);
  const act = () => { acted = Date.now(); };
  page.addEventListener("submit", act, true);
  page.addEventListener("keydown", (event) => { if (event.key === "Enter") act(); }, true);
  messages.addEventListener("click", act, true);
  const changes = new MutationObserver(() => {
    if (jump.hidden || Date.now() - acted > ANSWER_COMES_WITHIN) return;
    acted = 0;
    jump.click();
  });
  changes.observe(jump, { attributes: true, attributeFilter: ["hidden"] });
  changes.observe(messages, { childList: true });
}

// simcord renders mentions of channels it does not show as ids; Discord renders names.
function nameChannels(page) {
  const messages = page.getElementById("channel-message-list");
  if (!messages) return;
  const write = () => {
    const texts = page.createTreeWalker(messages, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      const named = text.data.replace(/<#(\d+)>/g, (raw, id) => (names.has(id) ? `#${names.get(id)}` : raw));
      if (named !== text.data) text.data = named;
    }
  };
  new MutationObserver(write).observe(messages, { childList: true, subtree: true, characterData: true });
  write();
}

frame.addEventListener("load", () => {
  follow(frame.contentDocument);
  nameChannels(frame.contentDocument);
});

list.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) void open(button.dataset.channel);
});

const first = await ask("/newsdesk/state");
for (const channel of first.channels) names.set(channel.id, channel.name);
const wanted = decodeURIComponent(location.hash.slice(1));
const known = first.channels.map((channel) => channel.name);
await open(known.includes(wanted) ? wanted : (first.shown ?? known[0]));
void look();
