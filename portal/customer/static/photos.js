// Photos before and while they are sent: a look at each on the phone itself, and the tray whose pages become one PDF.
// Thumbnails are drawn from the local file only and live as long as this page.
(() => {
"use strict";
const board = document.querySelector("#board");
if (!board || !window.createImageBitmap) return;
const SIDE = 480, THUMB = 144, TILES = 4, DARK = 45, SHARP = 40, LEAST = 500, kept = new Map();

function canvasOf(bitmap, side) {
	const c = document.createElement("canvas"), s = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
	c.width = Math.max(1, bitmap.width * s);
	c.height = Math.max(1, bitmap.height * s);
	c.getContext("2d", {willReadFrequently: side == SIDE}).drawImage(bitmap, 0, 0, c.width, c.height);
	return c;
}

// Mean luminance, and the variance of the Laplacian in the sharpest of a few tiles: a page is mostly white.
function judge({width: w, height: h}, data) {
	const g = new Uint8Array(w * h), sums = Array.from({length: TILES * TILES}, () => [0, 0, 0]);
	let light = 0;
	for (let i = 0; i < g.length; i++) light += g[i] = data[i * 4] * .3 + data[i * 4 + 1] * .59 + data[i * 4 + 2] * .11;
	for (let y = 1; y < h - 1; y++) for (let x = 1; x < w - 1; x++) {
		const i = y * w + x, l = 4 * g[i] - g[i - 1] - g[i + 1] - g[i - w] - g[i + w];
		const t = sums[(y * TILES / h | 0) * TILES + (x * TILES / w | 0)];
		t[0]++, t[1] += l, t[2] += l * l;
	}
	const sharp = Math.max(...sums.map(([n, a, b]) => n ? b / n - (a / n) ** 2 : 0));
	return light / g.length < DARK ? "tDark" : sharp < SHARP ? "tBlur" : "";
}

// What can be told of a photo without sending it; null for what this browser cannot decode, or not cheaply.
async function look(file) {
	if (!/^image\//.test(file.type) || file.size > 2e7) return null;
	try {
		const whole = file.size < 4e5;
		const bitmap = await createImageBitmap(file, whole ? {} : {resizeWidth: SIDE, resizeQuality: "medium"});
		const tiny = whole && Math.max(bitmap.width, bitmap.height) < LEAST, c = canvasOf(bitmap, SIDE);
		const warn = tiny ? "tTiny" : judge(c, c.getContext("2d").getImageData(0, 0, c.width, c.height).data);
		bitmap.close();
		return {thumb: canvasOf(c, THUMB), warn};
	} catch { return null; }
}

function paint() {
	for (const li of board.querySelectorAll("li[data-page]")) {
		const seen = kept.get(li.dataset.page);
		if (!seen) continue;
		li.querySelector(".thumb").replaceChildren(seen.thumb);
		const why = li.querySelector(".why");
		why.hidden = !seen.warn;
		why.textContent = board.dataset[seen.warn] || "";
	}
}

board.addEventListener("shown", paint);
window.Photos = {
	// Bounded: a slow phone sends without a look.
	look: file => Promise.race([look(file), new Promise(done => setTimeout(done, 2500, null))]),
	keep: (id, seen) => seen && kept.set(id, seen),
};
})();
