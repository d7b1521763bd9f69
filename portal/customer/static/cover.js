// Covers zones of a photo on the phone: what is covered is painted over and the picture encoded anew, so that neither
// the pixels nor the original ever leave it. Loaded on demand. window.Cover(file) gives the covered file, or null.
(() => {
"use strict";
const PIXELS = 12e6, LEAST = .03, STEP = .02, QUALITY = .9;

// Upright, as large as a cheap phone can hold.
async function draw(file, canvas) {
	const bitmap = await createImageBitmap(file);
	const s = Math.min(1, Math.sqrt(PIXELS / (bitmap.width * bitmap.height)));
	canvas.width = Math.round(bitmap.width * s);
	canvas.height = Math.round(bitmap.height * s);
	canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
	bitmap.close();
}

const clamp = (n, low, high) => Math.min(high, Math.max(low, n));

function place(zone, at) {
	at.w = clamp(at.w, LEAST, 1);
	at.h = clamp(at.h, LEAST, 1);
	at.x = clamp(at.x, 0, 1 - at.w);
	at.y = clamp(at.y, 0, 1 - at.h);
	zone.at = at;
	for (const [side, n] of [["left", at.x], ["top", at.y], ["width", at.w], ["height", at.h]]) zone.style[side] = n * 100 + "%";
}

function painted(canvas, zones) {
	const to = canvas.getContext("2d"), {width: w, height: h} = canvas;
	to.fillStyle = "#000";
	for (const {at} of zones) to.fillRect(Math.floor(at.x * w), Math.floor(at.y * h), Math.ceil(at.w * w) + 1, Math.ceil(at.h * h) + 1);
	return new Promise(done => canvas.toBlob(done, "image/jpeg", QUALITY));
}

window.Cover = file => new Promise(done => {
	const dialog = document.querySelector("#cover").content.firstElementChild.cloneNode(true);
	const $ = what => dialog.querySelector(what), stage = $(".stage"), canvas = $("canvas"), words = $("[data-zone]").dataset;
	const act = Object.fromEntries([...dialog.querySelectorAll("[data-act]")].map(b => [b.dataset.act, b]));
	const zones = [], back = document.activeElement;

	function changed() {
		act.undo.disabled = act.done.disabled = !zones.length;
		zones.forEach((zone, i) => zone.setAttribute("aria-label", words.zone.replace("{n}", i + 1)));
		$("[role=status]").textContent = words.zones.replace("{n}", zones.length);
	}

	function add(at) {
		const zone = document.createElement("button");
		zone.type = "button";
		zone.className = "zone";
		zone.setAttribute("aria-describedby", "cover-keys");
		place(zone, at);
		zones.push(zone);
		stage.append(zone);
		changed();
		return zone;
	}

	function remove(zone) {
		zones.splice(zones.indexOf(zone), 1);
		zone.remove();
		changed();
		(zones[zones.length - 1] || act.add).focus();
	}

	function end(result) {
		dialog.close();
		dialog.remove();
		canvas.width = canvas.height = 0; // gives the memory back
		back && back.focus && back.focus();
		done(result);
	}

	const spot = e => {
		const box = stage.getBoundingClientRect();
		return {x: clamp((e.clientX - box.left) / box.width, 0, 1), y: clamp((e.clientY - box.top) / box.height, 0, 1)};
	};

	stage.addEventListener("pointerdown", e => {
		if (e.button) return;
		const from = spot(e), old = e.target.matches(".zone") ? e.target : null, was = old && {...old.at};
		let zone = old;
		e.preventDefault();
		old && old.focus();
		stage.setPointerCapture(e.pointerId);
		const move = e => {
			const to = spot(e);
			if (old) return place(old, {...was, x: was.x + to.x - from.x, y: was.y + to.y - from.y});
			const at = {x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), w: Math.abs(to.x - from.x), h: Math.abs(to.y - from.y)};
			if (!zone && Math.max(at.w, at.h) > LEAST / 2) zone = add(at);
			else if (zone) place(zone, at);
		};
		const up = () => ["pointermove", "pointerup", "pointercancel"].forEach(kind => stage.removeEventListener(kind, kind == "pointermove" ? move : up));
		stage.addEventListener("pointermove", move);
		stage.addEventListener("pointerup", up);
		stage.addEventListener("pointercancel", up);
	});

	stage.addEventListener("keydown", e => {
		const zone = e.target, way = {ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]}[e.key];
		if (!zone.at) return;
		if (e.key == "Delete" || e.key == "Backspace") remove(zone);
		else if (way && e.shiftKey) place(zone, {...zone.at, w: zone.at.w + way[0], h: zone.at.h + way[1]});
		else if (way) place(zone, {...zone.at, x: zone.at.x + way[0], y: zone.at.y + way[1]});
		else return;
		e.preventDefault();
	});

	act.add.onclick = () => add({x: .3, y: .45, w: .4, h: .12}).focus();
	act.undo.onclick = () => remove(zones[zones.length - 1]);
	act.cancel.onclick = () => end(null);
	dialog.addEventListener("cancel", e => { e.preventDefault(); end(null); });
	act.done.onclick = async () => {
		act.done.disabled = true;
		const blob = await painted(canvas, zones);
		end(blob && new File([blob], file.name.replace(/\.\w+$/, "") + ".jpg", {type: "image/jpeg"}));
	};

	document.body.append(dialog);
	dialog.showModal();
	act.add.disabled = true;
	draw(file, canvas).then(() => { act.add.disabled = false; }, () => {
		stage.hidden = true;
		$(".why-not").hidden = false;
	});
});
})();
