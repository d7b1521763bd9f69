// Lighthouse (mobile, its defaults) on one page. Arguments: address, Cookie header. Prints one JSON object.
import * as chromeLauncher from "chrome-launcher";
import lighthouse from "lighthouse";

const [address, cookie] = process.argv.slice(2);
const chrome = await chromeLauncher.launch({
  chromePath: process.env.CHROME_PATH ?? "/usr/bin/chromium",
  chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu"],
});
try {
  const { lhr } = await lighthouse(address, {
    port: chrome.port,
    onlyCategories: ["performance", "accessibility", "best-practices"],
    extraHeaders: cookie ? { Cookie: cookie } : {},
    logLevel: "silent",
  });
  if (lhr.runtimeError) throw new Error(lhr.runtimeError.message);
  const failed = (category) =>
    lhr.categories[category].auditRefs
      .filter(({ id, weight }) => weight > 0 && (lhr.audits[id].score ?? 1) < 1)
      .map(({ id }) => id);
  console.log(
    JSON.stringify({
      lcp: lhr.audits["largest-contentful-paint"].numericValue,
      accessibility: lhr.categories.accessibility.score,
      bestPractices: lhr.categories["best-practices"].score,
      failed: [...failed("accessibility"), ...failed("best-practices")],
      requests: lhr.audits["network-requests"].details.items.map(({ url, transferSize, resourceType }) => ({
        url,
        transferSize,
        resourceType,
      })),
    }),
  );
} finally {
  chrome.kill();
}
