(() => {
"use strict";
const $ = (box, what) => box.querySelector(what), board = $(document, "#board");
if (!board || !window.fetch || !Blob.prototype.slice) return;
document.documentElement.classList.add("js");
const T = board.dataset, MB = 1048576, LEAST = MB / 4, MOST = 4 * MB, URL = "/e/uploads", TUS = {"Tus-Resumable": "1.0.0"};
const BODY = "application/offset+octet-stream";
let active = 0, timer, pause = 2000;

const say = (job, key, values) => { job.word.textContent = T["t" + key].replace(/{(\w)}/g, (_, k) => values[k]); };
const percent = (job, sent = 0) => job.bar.value = Math.min(99, Math.floor((job.at + sent) * 100 / job.file.size));
const b64 = s => btoa(String.fromCharCode(...new TextEncoder().encode(s)));
// After a reload:
const print = f => [...f.name + f.size + "." + f.lastModified].reduce((h, c) => (h * 33 ^ c.charCodeAt(0)) >>> 0, 5381) + "." + f.size;
const memory = (id, value) => {
	try { return value ? sessionStorage.setItem(id, value) : sessionStorage.getItem(id); } catch { return null; }
};

function send(job, method, url, headers, body, done) {
	const x = job.xhr = new XMLHttpRequest();
	let moved = Date.now(), over;
	const watch = setInterval(() => Date.now() - moved > 30000 && x.abort(), 1000);
	const end = () => {
		clearInterval(watch);
		if (!over && !job.stopped) done(x.status, x);
		over = true;
	};
	x.open(method, url);
	for (const [name, value] of Object.entries({...TUS, ...headers})) x.setRequestHeader(name, value);
	x.upload.onprogress = e => {
		moved = Date.now();
		say(job, "Go", {p: percent(job, e.loaded)});
	};
	x.onloadend = end;
	x.send(body);
}

// Nothing is lost: wait, then go on where the server says.
function later(job, status, again) {
	const s = Math.min(30, 2 ** job.tries++) + Math.random();
	say(job, status ? "Busy" : "Net", {p: job.bar.value, s: Math.ceil(s)});
	job.now.hidden = false;
	const go = () => {
		clearTimeout(wait);
		removeEventListener("online", go);
		job.now.hidden = true;
		if (!job.stopped) again();
	}, wait = setTimeout(go, s * 1000);
	addEventListener("online", go);
	job.wake = go;
}

function took(job, x, start) {
	const ms = Date.now() - start;
	job.at = +x.getResponseHeader("Upload-Offset");
	job.tries = 0;
	job.step = ms < 2000 ? Math.min(MOST, job.step * 2) : ms > 8000 ? Math.max(LEAST, job.step / 2) : job.step;
	next(job);
}

const piece = job => job.file.slice(job.at, job.at + job.step);

function create(job) {
	const start = Date.now(), meta = {slot: job.slot, filename: job.file.name, filetype: job.file.type};
	if (job.old) meta.replaces = job.old;
	send(job, "POST", URL, {
		"Upload-Length": job.file.size, "Content-Type": BODY,
		"Upload-Metadata": Object.entries(meta).map(([k, v]) => k + " " + b64(v)).join()
	}, piece(job), (status, x) => {
		if (status != 201) return failed(job, status, x, () => find(job));
		job.url = x.getResponseHeader("Location");
		memory(job.url, print(job.file));
		took(job, x, start);
	});
}

function find(job) {
	load().then(state => {
		const slot = state && state.slots[job.slot];
		if (!slot) return later(job, 0, () => find(job));
		if (!slot.open) return over(job);
		if (!slot.upload || slot.upload == job.old) return create(job);
		job.url = URL + "/" + slot.upload;
		memory(job.url, print(job.file));
		head(job);
	});
}

function head(job) {
	send(job, "HEAD", job.url, {}, null, (status, x) => {
		job.at = +x.getResponseHeader("Upload-Offset");
		if (status == 200 && +x.getResponseHeader("Upload-Length") == job.file.size) return next(job);
		if (status != 200 && status != 410 && status != 404) return failed(job, status, x, () => head(job));
		if (job.again) return location.reload();
		job.again = true;
		job.at = 0;
		if (status == 200) job.old = job.url.split("/").pop();
		create(job);
	});
}

function next(job) {
	if (job.at >= job.file.size) return over(job);
	say(job, "Go", {p: percent(job)});
	const start = Date.now();
	send(job, "PATCH", job.url, {"Upload-Offset": job.at, "Content-Type": BODY}, piece(job), (status, x) => {
		if (status == 204) return took(job, x, start);
		if (status == 409 || status == 410 || status == 404) return head(job);
		failed(job, status, x, () => head(job));
	});
}

function failed(job, status, x, again) {
	if (!status || [408, 409, 423, 429].includes(status) || status > 499) {
		if (job.tries > 20 && status) return stop(job, words(x));
		job.step = Math.max(LEAST, job.step / 2);
		if (status || job.tries < 2) return later(job, status, again);
		// A file that moved looks like a lost network.
		return job.file.slice(0, 1).arrayBuffer().then(() => later(job, 0, again), () => stop(job, T.tRead));
	}
	if (status == 400 || status == 404) return location.reload();
	stop(job, words(x));
}

function words(x) {
	try { return JSON.parse(x.responseText).message; } catch { return T.tRead; }
}

function over(job) {
	job.bar.value = 100;
	say(job, "End");
	load().then(state => {
		if (!state) return later(job, 0, () => over(job));
		leave(job);
		show(state);
	});
}

function leave(job) {
	active--;
	job.stopped = true;
	job.box.job = null;
	job.run.hidden = true;
	job.box.classList.remove("busy");
}

async function stop(job, why) {
	leave(job);
	job.xhr && job.xhr.abort();
	if (!why && job.url) await fetch(job.url, {method: "DELETE", headers: TUS}).catch(() => 0);
	const state = await load();
	state && show(state);
	if (!why) return;
	const note = $(job.box, ".told") || document.createElement("p");
	note.className = "why-not told";
	note.textContent = why;
	note.tabIndex = -1;
	$(job.box, ".head").after(note);
	note.focus();
}

function begin(box, file) {
	const run = $(box, ".run"), most = +(/^image/.test(file.type) ? box.dataset.img : box.dataset.pdf);
	const job = box.job = {
		box, file, run, slot: box.dataset.slot, old: box.dataset.old, at: 0, tries: 0, step: MB / 2,
		bar: $(run, "progress"), word: $(run, "[role]"), now: $(run, "[data-do=now]")
	};
	active++;
	$(box, ".told")?.remove();
	box.classList.add("busy");
	run.hidden = false;
	if (!file.size) return stop(job, T.tNone);
	if (file.size > most) return stop(job, T.tBig.replace("{n}", (file.size / MB).toFixed(1)).replace("{m}", most / MB | 0));
	say(job, "Go", {p: 0});
	job.url = URL + "/" + box.dataset.up;
	if (box.dataset.up && memory(job.url) == print(file)) return head(job);
	job.url = null;
	create(job);
}

const load = (known = "") => fetch("/e/state?v=" + known).then(r => {
	if (r.status == 404) location.reload();
	return r.ok ? r.json() : null;
}).catch(() => null);

function show(state) {
	if (state.slots) {
		if (state.v != T.v) pause = 2000;
		T.v = state.v;
		$(document, "#sum").innerHTML = state.summary;
		for (const [id, slot] of Object.entries(state.slots)) {
			const box = $(document, "#s-" + id);
			if (!box || box.job) continue;
			const had = box.contains(document.activeElement);
			const kept = box.querySelectorAll(slot.open ? ".told,.pick,.no[open]" : ".undo[open]"); // maybe in use
			box.innerHTML = slot.html;
			for (const i of kept) i.tagName == "P" ? $(box, ".head").after(i) : $(box, "." + i.classList[0])?.replaceWith(i);
			box.dataset.up = slot.upload || "";
			box.dataset.old = slot.old || "";
			if (had) box.tabIndex = -1, box.focus();
		}
	}
	clearTimeout(timer);
	if (state.review) timer = setTimeout(poll, pause = Math.min(20000, pause * 1.3));
}

function poll() {
	if (document.hidden) return timer = setTimeout(poll, 3000);
	load(active ? "" : T.v).then(state => state ? show(state) : timer = setTimeout(poll, 10000));
}

board.addEventListener("change", e => {
	const box = e.target.closest(".slot"), file = e.target.files && e.target.files[0];
	if (box && file && !box.job) begin(box, file), e.target.value = "";
});
// Chosen earlier.
for (const i of board.querySelectorAll("[type=file]")) i.files[0] && i.dispatchEvent(new Event("change", {bubbles: true}));
board.addEventListener("click", e => {
	const what = e.target.dataset.do, job = what && e.target.closest(".slot").job;
	if (job) what == "now" ? job.wake() : stop(job);
});
// Answers go without leaving the page, where other files may be on their way.
board.addEventListener("submit", e => {
	const form = e.target, again = () => form.submit();
	if (!form.matches("details form")) return;
	e.preventDefault();
	fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form))})
		.then(r => r.ok ? load().then(state => state && show(state)) : again(), again);
});
addEventListener("beforeunload", e => active && e.preventDefault());
addEventListener("pageshow", e => e.persisted && load().then(state => state && show(state)));
if (T.review) timer = setTimeout(poll, pause);
})();
