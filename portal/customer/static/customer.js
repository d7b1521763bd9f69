(() => {
"use strict";
const $ = (box, what) => box.querySelector(what), board = $(document, "#board");
if (!board || !window.fetch || !Blob.prototype.slice) return;
document.documentElement.classList.add("js");
const T = board.dataset, MB = 1048576, LEAST = MB / 4, MOST = 4 * MB, URL = "/e/uploads", TUS = {"Tus-Resumable": "1.0.0"};
const BODY = "application/offset+octet-stream";
const NONCE = document.currentScript.nonce;
let active = 0, timer, pause = 2000, tool;

// Read aloud when something changes, and now and then on the way.
function say(job, key, values = {}) {
	const words = T["t" + key].replace(/{(\w)}/g, (_, k) => values[k]), part = key + (values.p >> 5);
	const left = job.box.queue ? job.box.queue.length : 0;
	job.word.textContent = words + (left ? " " + T.tMore.replace("{n}", left) : "");
	if (job.part != part) job.live.textContent = words;
	job.part = part;
}
const percent = (job, sent = 0) => job.bar.value = Math.min(99, Math.floor((job.at + sent) * 100 / job.file.size));
const b64 = s => btoa(String.fromCharCode(...new TextEncoder().encode(s)));

// Recognises a file in another browser, by its ends and its size; the server keeps a keyed digest of it.
async function print(file) {
	const ends = await new Blob([file.slice(0, 65536), file.slice(-65536)]).arrayBuffer();
	return new Uint8Array(ends).reduce((h, c) => (h * 33 ^ c) >>> 0, 5381) + "." + file.size;
}

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
	const start = Date.now(), meta = {slot: job.slot, filename: job.file.name, filetype: job.file.type, print: job.print, ...job.extra};
	if (job.old) meta.replaces = job.old;
	send(job, "POST", URL, {
		"Upload-Length": job.file.size, "Content-Type": BODY,
		"Upload-Metadata": Object.entries(meta).map(([k, v]) => k + " " + b64(v)).join()
	}, piece(job), (status, x) => {
		if (status != 201) return failed(job, status, x, () => find(job));
		job.url = x.getResponseHeader("Location");
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
		head(job);
	});
}

function head(job) {
	send(job, "HEAD", job.url, {"Upload-Print": job.print}, null, (status, x) => {
		job.at = +x.getResponseHeader("Upload-Offset");
		if (status == 200 && +x.getResponseHeader("Upload-Length") == job.file.size) return next(job);
		if (![200, 404, 409, 410].includes(status)) return failed(job, status, x, () => head(job));
		if (job.again) return location.reload();
		job.again = true;
		job.at = 0;
		if (status == 409) job.old = job.url.split("/").pop();
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
		if (job.extra.page && window.Photos) Photos.keep(job.url.split("/").pop(), job.seen);
		leave(job);
		show(state);
		const next = job.box.queue && job.box.queue.shift();
		next && begin(job.box, ...next);
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
	job.box.queue = null;
	leave(job);
	job.xhr && job.xhr.abort();
	if (!why && !job.url) { // its address never came: what arrived shows a moment later
		await new Promise(done => setTimeout(done, 500));
		const state = await load(), id = state && state.slots[job.slot].upload;
		if (id && id != job.old) job.url = URL + "/" + id;
	}
	if (!why && job.url) await ask(job.url, {method: "DELETE", headers: TUS});
	await refresh();
	why && tell(job.box, why);
}

function tell(box, why) {
	const note = $(box, ".told") || document.createElement("p");
	note.className = "why-not told";
	note.textContent = why;
	note.tabIndex = -1;
	$(box, ".head").after(note);
	note.focus();
}

async function begin(box, file, extra, input) {
	const run = $(box, ".run"), most = +(isPhoto(file) ? box.dataset.img : box.dataset.pdf);
	const job = box.job = {
		box, file, run, extra, input, slot: box.dataset.slot, old: box.dataset.old, at: 0, tries: 0, step: MB / 2,
		bar: $(run, "progress"), word: $(run, ".said"), live: $(run, "[role]"), now: $(run, "[data-do=now]")
	};
	active++;
	$(box, ".told")?.remove();
	box.classList.add("busy");
	run.hidden = false;
	if (!file.size) return stop(job, T.tNone);
	if (file.size > most) return stop(job, T.tBig.replace("{n}", (file.size / MB).toFixed(1)).replace("{m}", most / MB | 0));
	say(job, "Go", {p: 0});
	job.seen = window.Photos && isPhoto(file) ? await Photos.look(file) : null;
	if (job.stopped) return;
	if (job.seen && job.seen.warn && !extra.page && !extra.covered) hint(job);
	else go(job);
}

async function go(job) {
	try { job.print = await print(job.file); } catch { return stop(job, T.tRead); }
	job.url = job.box.dataset.up && URL + "/" + job.box.dataset.up;
	job.url ? head(job) : create(job);
}

// A warning, never a wall.
function hint(job) {
	job.run.hidden = true;
	job.run.after($(document, "#hint").content.cloneNode(true));
	const note = job.hint = $(job.box, ".hint");
	$(note, "strong").textContent = T[job.seen.warn];
	note.focus();
}

function hinted(job, use) {
	job.hint.remove();
	job.run.hidden = false;
	if (use) return job.run.tabIndex = -1, job.run.focus(), go(job);
	leave(job);
	job.input.click();
}

function ask(url, how = {}) {
	const end = new AbortController(), wait = setTimeout(() => end.abort(), 20000);
	return fetch(url, {...how, signal: end.signal}).catch(() => null).finally(() => clearTimeout(wait));
}

const load = (known = "") => ask("/e/state?v=" + known).then(r => {
	if (r && r.status == 404) location.reload();
	return r && r.ok ? r.json() : null;
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
			for (const i of kept) {
				const fresh = $(box, "." + i.classList[0]);
				if (i.tagName == "P") $(box, ".head").after(i);
				else if (fresh && fresh.dataset.n == i.dataset.n) fresh.replaceWith(i); // its dialog may be open
			}
			box.dataset.up = slot.upload || "";
			box.dataset.old = slot.old || "";
			if (had) box.tabIndex = -1, box.focus();
		}
	}
	board.dispatchEvent(new Event("shown"));
	clearTimeout(timer);
	if (state.review) timer = setTimeout(poll, pause = Math.min(20000, pause * 1.3));
}

function poll() {
	if (document.hidden) return timer = setTimeout(poll, 3000);
	load(active ? "" : T.v).then(state => state ? show(state) : timer = setTimeout(poll, 10000));
}

const isPhoto = file => /^image/.test(file.type) || /\.hei[cf]$/i.test(file.name);

function chosen(box, files, input, extra = {}) {
	if ("pages" in box.dataset && isPhoto(files[0])) extra.page = 1;
	if (box.retakes) extra.retakes = box.retakes;
	box.retakes = null;
	const all = (extra.page ? files.filter(isPhoto) : files.slice(0, 1)).map(file => [file, {...extra}, input]);
	box.queue = all.slice(1);
	begin(box, ...all[0]);
}

// The covering tool comes when it is asked for.
const cover = () => tool = tool || new Promise((done, fail) => {
	const script = document.createElement("script"), style = document.createElement("link");
	style.rel = "stylesheet";
	style.href = T.coverCss;
	script.nonce = NONCE;
	script.src = T.cover;
	script.onload = () => done(window.Cover);
	script.onerror = () => fail(tool = null);
	document.head.append(style, script);
});

board.addEventListener("change", async e => {
	const input = e.target, box = input.closest(".slot"), files = [...input.files || []];
	if (!box || !files.length || box.job) return;
	input.value = "";
	if (!("cover" in input.dataset)) return chosen(box, files, input);
	const made = await cover().then(open => open(files[0]), () => tell(box, T.tOff));
	made && !box.job && chosen(box, [made], input, {covered: 1});
});
// Chosen earlier.
for (const i of board.querySelectorAll("[type=file]")) i.files[0] && i.dispatchEvent(new Event("change", {bubbles: true}));
board.addEventListener("click", e => {
	const box = e.target.closest(".slot"), what = e.target.dataset.do, job = what && box && box.job;
	if (e.target.matches("label")) box.retakes = null;
	if ("cover" in e.target.dataset) cover().catch(() => 0);
	if (what == "retake" && !job) {
		box.retakes = e.target.dataset.page;
		return ($(box, "[capture]") || $(box, "[type=file]")).click();
	}
	if (!job) return;
	if (what == "use" || what == "again") hinted(job, what == "use");
	else what == "now" ? job.wake() : stop(job);
});
const refresh = () => load().then(state => state && show(state));

// Answers go without leaving the page, where other files may be on their way.
board.addEventListener("submit", async e => {
	const form = e.target, by = e.submitter || {}, box = form.closest(".slot");
	if (!form.matches("details form,.tray")) return;
	e.preventDefault();
	if (form.sent) return;
	form.sent = true;
	const body = new URLSearchParams(new FormData(form));
	by.name && body.set(by.name, by.value);
	const r = await ask(form.action, {method: "POST", body, headers: {Accept: "application/json"}});
	form.sent = false;
	const why = r ? !r.ok && (await r.json().catch(() => 0)).message : T.tOff, at = scrollY;
	await refresh();
	if (why) return tell(box, why);
	scrollTo(0, at);
	const same = by.value && $(box, `[value="${by.value}"]:enabled`);
	same && same.focus();
});
addEventListener("beforeunload", e => active && e.preventDefault());
addEventListener("pageshow", e => e.persisted && refresh());
if (T.review) timer = setTimeout(poll, pause);
})();
