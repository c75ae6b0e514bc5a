// The channel list: the current channel and unread markers. The channel itself is simcord's page.
import { equip, isBusy } from "/frame.js";

const LOOK_AGAIN = 1000;
const LOOKS_UNTIL_RELOAD = 3;
const texts = JSON.parse(document.getElementById("texts").textContent);
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const list = document.getElementById("channels");
const frame = document.getElementById("channel");
const away = document.getElementById("away");
const notice = document.getElementById("notice");
let shown = null;
let switching = false;
let switches = 0; // responses to requests from before a switch are stale
let viewer = null;

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
    count.setAttribute("aria-label", `${channel.unread} ${texts.unread}`);
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
  const readable = state.channels.filter((channel) => !viewer || channel.readers.includes(viewer));
  const now = JSON.stringify([readable, state.shown]);
  if (now === drawn) return;
  drawn = now;
  const focused = document.activeElement?.dataset?.channel;
  list.replaceChildren(...readable.map((channel) => row(channel, channel.name === state.shown)));
  if (focused) list.querySelector(`[data-channel="${focused}"]`)?.focus();
}

function install(state) {
  draw(state);
  if (state.frame === shown) return;
  shown = state.frame;
  frame.src = state.frame ?? "about:blank";
}

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
const status = () => frame.contentWindow?.simcordPreview;

// Let pending user input finish first.
async function atRest() {
  for (let tries = 0; tries < 30 && isBusy(status()); tries += 1) await pause(100);
}

async function open(name) {
  if (switching) return;
  switching = true;
  switches += 1;
  try {
    await atRest();
    const query = new URLSearchParams({ zone, viewer: viewer ?? "" });
    install(await ask(`/newsdesk/open/${encodeURIComponent(name)}?${query}`, "POST"));
    history.replaceState(null, "", `#${name}`);
  } finally {
    switching = false;
  }
}

function tell(text) {
  notice.textContent = text;
  notice.hidden = false;
  setTimeout(() => { notice.hidden = true; }, 6000);
}

async function run(command, message) {
  await atRest();
  const path = [command, message, status()?.contextId].map(encodeURIComponent).join("/");
  try {
    await ask(`/newsdesk/apps/${path}`, "POST");
  } catch {
    tell(texts.failed);
  }
}

// simcord gives up for good on an action whose outcome it did not learn, and on a session that has expired.
let broken = 0;
function mend() {
  const now = status();
  const stuck = !switching && shown && (!now?.contextId || !now.authorized || now.transport.uncertainRequestId);
  broken = stuck ? broken + 1 : 0;
  if (broken < LOOKS_UNTIL_RELOAD) return;
  broken = 0;
  if (now?.transport.uncertainRequestId) tell(texts.failed);
  frame.contentWindow.location.reload();
}

async function look() {
  const before = switches;
  try {
    const state = await ask("/newsdesk/state");
    away.hidden = true;
    viewer = status()?.viewerId ?? viewer;
    if (!switching && before === switches && state.shown) install(state);
    mend();
  } catch {
    away.hidden = false;
  }
  setTimeout(look, LOOK_AGAIN);
}

frame.addEventListener("load", () => {
  equip(frame.contentDocument, { names, texts, commands: first.commands, commandNames: first.command_names, run });
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
