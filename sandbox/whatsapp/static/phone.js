// Keeps the screen fresh, tells the simulator what a person really sees, and sends what they write.
"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const root = document.querySelector("[data-news]");
  if (!root) return;
  const list = document.querySelector("[data-list]");
  const log = root.querySelector(".bubbles");
  const scroll = root.querySelector(".scroll");
  const note = root.querySelector("[data-note]");
  const compose = root.querySelector(".compose");
  let revision = root.dataset.revision;
  let asking = false;

  const parse = (html) => new DOMParser().parseFromString(html, "text/html").body;
  const post = (url, body, headers = {}) =>
    fetch(url, { method: "POST", body, headers: { "X-Requested-By": "script", ...headers } });

  function refreshList(html) {
    const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    list.replaceChildren(...parse(html).childNodes);
    if (focused) list.querySelector(`a[href="${CSS.escape(focused)}"], a`)?.focus();
  }

  function refreshLog(html) {
    const low = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    let fresh = false;
    for (const item of [...parse(`<ol>${html}</ol>`).querySelectorAll("li")]) {
      const old = document.getElementById(item.id);
      if (!old) {
        item.classList.add("fresh");
        log.append(item);
        fresh = true;
        continue;
      }
      old.className = item.className;
      old.toggleAttribute("data-unread", item.hasAttribute("data-unread"));
      const [was, is] = [old.querySelector(".meta"), item.querySelector(".meta")];
      if (was && is && was.outerHTML !== is.outerHTML) was.replaceWith(is);
      if (item.querySelector(".why") && !old.querySelector(".why")) old.append(item.querySelector(".why"));
    }
    if (fresh && low) scroll.scrollTop = scroll.scrollHeight;
  }

  async function tellRead() {
    if (root.dataset.read && document.visibilityState === "visible" && log.querySelector("[data-unread]")) {
      await post(root.dataset.read);
    }
  }

  async function look() {
    if (asking || document.visibilityState !== "visible") return;
    asking = true;
    try {
      const address = new URL(root.dataset.news, location.href);
      address.searchParams.set("revision", revision);
      const answer = await fetch(address);
      if (answer.status === 200) {
        const news = await answer.json();
        revision = news.revision;
        if (log) refreshLog(news.html);
        refreshList(log ? news.list : news.html);
        document.querySelector("[data-heard]")?.replaceChildren(...parse(news.heard ?? "").childNodes);
        if (note) [note.hidden, note.textContent] = [!news.note, news.note];
      }
      if (log) await tellRead();
    } catch {
      // the simulator is restarting: the next look finds it again
    } finally {
      asking = false;
    }
  }

  function complain(text) {
    const line = compose.querySelector(".problem");
    line.textContent = text;
    line.hidden = !text;
  }

  async function sendFiles(form, files) {
    for (const file of files) {
      const name = encodeURIComponent(file.name);
      const answer = await post(form.action, file, { "Content-Type": file.type || "application/octet-stream", "X-File-Name": name });
      complain(answer.ok ? "" : answer.status === 413 ? "El chat admite archivos de hasta 16 MB." : "Ese archivo no se puede enviar.");
      if (!answer.ok) break;
    }
    look();
  }

  if (compose) {
    compose.querySelector(".write").addEventListener("submit", async (event) => {
      event.preventDefault();
      const field = event.target.elements.text;
      const body = new URLSearchParams({ text: field.value });
      field.value = "";
      await post(event.target.action, body);
      scroll.scrollTop = scroll.scrollHeight;
      look();
    });
    compose.querySelector("input[type=file]").addEventListener("change", async (event) => {
      const files = [...event.target.files];
      event.target.value = "";
      await sendFiles(event.target.form, files);
    });
    log.addEventListener("submit", async (event) => {
      event.preventDefault();
      await post(event.target.action, new URLSearchParams(new FormData(event.target, event.submitter)));
      look();
    });
    log.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-copy]");
      if (!button) return;
      await navigator.clipboard.writeText(button.dataset.copy);
      button.lastChild.textContent = " Copiado";
    });
    scroll.scrollTop = scroll.scrollHeight;
    tellRead();
  }
  document.addEventListener("visibilitychange", look);
  setInterval(look, 1000);
})();
