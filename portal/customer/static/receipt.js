(() => {
"use strict";
const $ = what => document.querySelector(what);
document.documentElement.classList.add("js");

// Something is being prepared: look again, slower and slower, and show the page once it says something new.
const waiting = "data-wait";
let pause = 1000;
const look = () => setTimeout(() => document.hidden ? look() : fetch(location.href).then(r => r.text()).then(page => {
	page.includes(waiting) ? look() : location.reload();
}).catch(look), pause = Math.min(15000, pause * 1.3));
if ($(`[${waiting}]`)) look();

// A file is compared here: it never leaves this device. Only a file of a listed size is read at all.
const picker = $("#picker"), said = $("#said");
if (!picker || !window.crypto?.subtle || !Blob.prototype.arrayBuffer) return;
picker.hidden = false;
const listed = [...document.querySelectorAll("[data-sha]")];

function tell(text, how) {
	const line = document.createElement("p");
	line.textContent = text;
	said.className = how || "";
	said.replaceChildren(line);
}

async function check(file) {
	if (!listed.some(one => +one.dataset.size === file.size)) return tell(picker.dataset.no, "why-not");
	tell(picker.dataset.reading);
	const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
	const sha = [...digest].map(byte => byte.toString(16).padStart(2, "0")).join("");
	const found = listed.find(one => one.dataset.sha === sha);
	if (!found) return tell(picker.dataset.no, "why-not");
	tell(picker.dataset.yes.replace("{t}", found.closest("li").querySelector("h2").textContent), "yes");
}

$("#file").addEventListener("change", e => {
	const file = e.target.files[0];
	e.target.value = "";
	if (file) check(file).catch(() => tell(picker.dataset.bad, "why-not"));
});
})();
