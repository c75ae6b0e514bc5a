// What simcord's page of a channel lacks: it keeps clicks, scrolls like Discord, speaks the reader's language, and has
// the message menu.
const LOOK_AGAIN = 50;
const ANSWER_COMES_WITHIN = 6000;
const ACTING = "button.component-button, .select-option, .select-draft-actions button, .modal-actions button";
const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

export function isBusy(status) {
  return Boolean(status?.pendingAction) || (status?.awaitingRevision ?? 0) > (status?.publishedRevision ?? 0);
}

async function freed(page) {
  while (isBusy(page.defaultView?.simcordPreview)) await pause(LOOK_AGAIN);
}

function isInside(element, event) {
  const box = element.getBoundingClientRect();
  return event.clientX >= box.left && event.clientX <= box.right
    && event.clientY >= box.top && event.clientY <= box.bottom;
}

// simcord drops what is clicked or entered during an action; keep the last of it until the action is done.
function keepActions(page) {
  const status = () => page.defaultView?.simcordPreview;
  let kept = null;
  async function redoLater() {
    await freed(page);
    const redo = kept;
    kept = null;
    redo?.();
  }
  function keep(event, redo) {
    event.preventDefault();
    event.stopImmediatePropagation();
    const waiting = kept !== null;
    kept = redo;
    if (!waiting) void redoLater();
  }
  const send = page.getElementById("send-message");
  page.addEventListener("click", (event) => {
    if (!isBusy(status())) return;
    // Disabled while suggestions are fetched; then its clicks reach what is below it, see frame.css.
    if (send.disabled && isInside(send, event)) return keep(event, () => send.form.requestSubmit());
    const control = event.target.closest?.(ACTING);
    if (!control) return;
    const key = control.dataset.controlKey;
    // As in Discord, a second click on a button that is at work does nothing.
    if (key && key === status().pendingAction?.controlKey) return;
    // By its key, and only under its label: when a page changes, simcord may reuse an element for another button.
    const label = control.textContent;
    keep(event, () => {
      const now = key ? page.querySelector(`[data-control-key="${CSS.escape(key)}"]`) : control;
      if (now?.textContent === label) now.click();
    });
  }, true);
  page.addEventListener("keydown", (event) => {
    const composer = event.target.closest?.("#channel-composer");
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !composer || !isBusy(status())) return;
    // With a suggestion marked, Enter only chooses it.
    const choosing = page.querySelector(".command-popup:not([hidden]) [aria-selected='true']");
    if (choosing && !event.target.matches(".command-chip")) return;
    keep(event, () => composer.requestSubmit());
  }, true);
}

// As in Discord: stay scrolled to the end when something comes, and show the answer to what one did. Unlike there, an
// answer taller than the page is shown from its start.
function follow(page) {
  const timeline = page.getElementById("channel-timeline");
  const jump = page.getElementById("new-messages");
  const messages = page.getElementById("channel-message-list");
  let atEnd = true;
  let acted = 0;
  let last = messages.lastElementChild;
  const scroll = () => { timeline.scrollTop = timeline.scrollHeight; };
  const resizes = new ResizeObserver(() => { if (atEnd) scroll(); });
  resizes.observe(timeline);
  resizes.observe(messages);
  timeline.addEventListener("scroll", () => {
    atEnd = timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight <= 2;
  });
  const act = () => { acted = Date.now(); };
  page.addEventListener("submit", act, true);
  page.addEventListener("keydown", (event) => { if (event.key === "Enter") act(); }, true);
  messages.addEventListener("click", act, true);
  new MutationObserver(() => {
    const came = messages.lastElementChild !== last;
    last = messages.lastElementChild;
    if (!came || Date.now() - acted > ANSWER_COMES_WITHIN) return;
    acted = 0;
    atEnd = last.offsetHeight <= timeline.clientHeight;
    if (atEnd) scroll();
    else last.scrollIntoView();
  }).observe(messages, { childList: true });
  // simcord asks for the page anew, and forgets what is being typed.
  page.addEventListener("click", (event) => {
    if (!jump.contains(event.target) || !page.getElementById("history-newer").hidden) return;
    event.stopImmediatePropagation();
    scroll();
  }, true);
}

// As in Discord, Enter sends a command that needs nothing more, unless an option was looked for.
function sendAtOnce(page) {
  let chosen = false;
  page.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(".command-chip")) return;
    if (event.key !== "Enter") chosen = event.key.startsWith("Arrow");
    else if (!chosen && page.defaultView.simcordPreview.commandPicker.draft?.submittable) {
      event.preventDefault();
      event.stopImmediatePropagation();
      event.target.closest("form").requestSubmit();
    }
  }, true);
  page.addEventListener("focusin", () => { chosen = false; });
}

// simcord renders mentions of channels that it does not show as ids, and speaks English around the bot's texts.
function translatePage(page, { names, texts, commandNames }) {
  function translate(node) {
    const parent = node.parentElement;
    if (parent.matches(".command-mention, .message-interaction-header > strong")) {
      return commandNames[node.data] ?? node.data;
    }
    if (parent.matches(".message-interaction-header")) return node.data.replace(/ used $/, ` ${texts.used} `);
    if (parent.matches(".message-edited")) return ` (${texts.edited})`;
    if (parent.matches(".message-ephemeral-note")) return texts.private;
    if (parent.matches(".modal-actions .button-secondary")) return texts.cancel;
    if (parent.matches(".modal-actions .button-primary")) return texts.submit;
    if (parent.matches(".modal-disclaimer")) return texts.disclaimer;
    return node.data.replace(/<#(\d+)>/g, (raw, id) => (names.has(id) ? `#${names.get(id)}` : raw));
  }
  for (const part of ["channel-message-list", "modal-root"].map((id) => page.getElementById(id))) {
    const write = () => {
      const nodes = page.createTreeWalker(part, NodeFilter.SHOW_TEXT);
      while (nodes.nextNode()) {
        const node = nodes.currentNode;
        const better = translate(node);
        if (better !== node.data) node.data = better;
      }
    };
    new MutationObserver(write).observe(part, { childList: true, subtree: true, characterData: true });
    write();
  }
}

// Only what concerns a reader of the demo; simcord also tells of viewports and callbacks.
function showStatus(page, texts) {
  const theirs = page.getElementById("action-status");
  const ours = page.createElement("span");
  ours.id = "newsdesk-status";
  ours.setAttribute("role", "status");
  const write = () => {
    const text = theirs.textContent;
    const said = /not completed|uncertain|confirmed/.test(text) ? texts.failed
      : /^Connection/.test(text) ? texts.connection : /^Completing/.test(text) ? texts.thinking : "";
    if (ours.textContent !== said) ours.textContent = said;
  };
  theirs.after(ours);
  new MutationObserver(write).observe(theirs, { childList: true, characterData: true, subtree: true });
  write();
}

// Discord's “Apps” menu of a message, which simcord does not have.
function offerMenu(page, commands, run) {
  const menu = page.createElement("div");
  menu.id = "newsdesk-menu";
  menu.hidden = true;
  menu.setAttribute("role", "menu");
  page.body.append(menu);
  const close = () => { menu.hidden = true; };
  page.addEventListener("contextmenu", (event) => {
    const message = event.target.closest?.(".channel-message");
    if (!message || event.target.closest("a, input, textarea")) return;
    event.preventDefault();
    const heading = page.createElement("strong");
    heading.textContent = "Apps";
    menu.replaceChildren(heading, ...commands.map((command) => {
      const item = page.createElement("button");
      item.type = "button";
      item.setAttribute("role", "menuitem");
      item.textContent = command.label;
      item.addEventListener("click", () => { close(); void run(command.name, message.dataset.messageId); });
      return item;
    }));
    menu.hidden = false;
    const room = page.documentElement;
    menu.style.left = `${Math.min(event.clientX, room.clientWidth - menu.offsetWidth - 8)}px`;
    menu.style.top = `${Math.min(event.clientY, room.clientHeight - menu.offsetHeight - 8)}px`;
    menu.querySelector("button")?.focus();
  });
  page.addEventListener("click", (event) => { if (!menu.contains(event.target)) close(); });
  page.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
}

export function equip(page, { names, texts, commands, commandNames, run }) {
  if (!page.getElementById("channel-message-list")) return;
  keepActions(page);
  sendAtOnce(page);
  follow(page);
  translatePage(page, { names, texts, commandNames });
  showStatus(page, texts);
  offerMenu(page, commands, run);
}
