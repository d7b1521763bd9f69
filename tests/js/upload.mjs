// Uploads standard input with tus-js-client as the options say, and prints what happened as one JSON line.
import { Readable } from "node:stream";
import * as tus from "tus-js-client";

const { endpoint, headers, metadata, how } = JSON.parse(process.argv[2]);
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const data = Buffer.concat(chunks);
const CHUNK = 100_000;

function upload(source, options, stopAt = Infinity) {
	return new Promise((resolve, reject) => {
		const made = new tus.Upload(source, {
			endpoint, headers, metadata, chunkSize: CHUNK, retryDelays: null,
			onError: reject,
			onSuccess: () => resolve(made),
			onChunkComplete: (_, accepted) => {
				if (accepted >= stopAt) made.abort().then(() => resolve(made));
			},
			...options,
		});
		made.start();
	});
}

const WAYS = {
	"in pieces": () => upload(data, {}),
	"with the creation": () => upload(data, { uploadDataDuringCreation: true }),
	"without a length": () => upload(Readable.from([data]), { uploadLengthDeferred: true }),
	"resumed": async () => upload(data, { uploadUrl: (await upload(data, {}, CHUNK)).url }),
	"overridden": () => upload(data, { overridePatchMethod: true }),
	"terminated": async () => {
		const made = await upload(data, {}, CHUNK);
		await made.abort(true);
		return made;
	},
};

try {
	const made = await WAYS[how]();
	console.log(JSON.stringify({ url: made.url }));
} catch (error) {
	console.log(JSON.stringify({ refused: error.originalResponse?.getStatus() ?? String(error) }));
}
