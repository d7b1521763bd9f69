// The console without this script works the same, with more clicks: copying, confirming, and shortcuts of the review.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const field = byId(button.dataset.copy);
      field.select();
      try { await navigator.clipboard.writeText(field.value); } catch { document.execCommand("copy"); }
      button.textContent = button.dataset.done;
    });
  }

  for (const form of document.querySelectorAll("form[data-confirm]")) {
    form.addEventListener("submit", (event) => { if (!window.confirm(form.dataset.confirm)) event.preventDefault(); });
  }

  // A form that is checked while somebody types: the page's own answer says what is wrong, and what it would look like.
  for (const form of document.querySelectorAll("form[data-check]")) {
    let waiting, asked = 0;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const mine = ++asked;
        try {
          const answer = await fetch(form.dataset.check, { method: "POST", body: new FormData(form) });
          if (!answer.ok) return;
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          if (mine === asked) for (const id of ["lint", "preview"]) byId(id).replaceChildren(...page.getElementById(id).childNodes);
        } catch { /* offline: the button checks too */ }
      }, 400);
    });
  }

  const menu = document.querySelector("details.menu");
  const narrow = window.matchMedia("(max-width: 60rem)");
  const fold = () => { if (menu) menu.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();

  const accept = byId("accept"), toReturn = byId("return-form"), shortcuts = byId("shortcuts");
  if (!shortcuts) return;
  const KEPT = "shortcuts-off";
  shortcuts.checked = localStorage.getItem(KEPT) === null;
  shortcuts.addEventListener("change", () => shortcuts.checked ? localStorage.removeItem(KEPT) : localStorage.setItem(KEPT, "1"));

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (event.ctrlKey && event.key === "Enter" && event.target.closest("#return-form")) return toReturn.requestSubmit();
    if (!shortcuts.checked || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const reasons = toReturn.querySelectorAll("input[name=reason]");
    const key = event.key.toLowerCase();
    if (key === "a") accept.focus();  // Enter confirms: one stray key never decides
    else if (key === "d") reasons[0].focus();
    else if (reasons[Number(key) - 1]) { reasons[Number(key) - 1].checked = true; byId("note").focus(); }
    else {
      const link = [...document.querySelectorAll("a[data-key]")].find((one) => one.dataset.key.toLowerCase() === key);
      if (!link) return;
      link.focus(); link.click();
    }
    event.preventDefault();
  });
})();
