// How long a page of the console takes until it shows what was asked for:  node test/bench.mjs SIGN-IN-LINK DEVICES RELEASE
import { chromium } from "playwright-core";

const [link, devices, release] = process.argv.slice(2);
const base = new URL(link).origin;
const count = Number(devices);
const REPEATS = 7;
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(link);
  await page.locator("nav.rail").waitFor();
  const out = {};
  const time = async (what, begin, there) => {
    const list = [];
    for (let n = 0; n < REPEATS; n++) {
      const start = performance.now();
      await begin(n);
      await there(n);
      list.push(performance.now() - start);
    }
    out[what] = median(list);
  };
  const rows = () => page.locator("tbody tr").first().waitFor();
  await time("overview opened by its address", () => page.goto(`${base}/overview`), () => page.getByText(`Where ${count.toLocaleString("en-US")}\u00a0devices stand`).waitFor());
  await time("list opened by its address", () => page.goto(`${base}/devices`), rows);
  const filter = page.getByRole("combobox", { name: "Filter" });
  const fit = (query) => page.waitForURL((url) => url.searchParams.get("q") === query);
  const filtered = async (query, words) => {
    await fit(query);
    await page.locator("tbody tr", { hasText: words }).first().waitFor();
  };
  const name = (n) => `fleet-${String(Math.floor(count / 2) + n).padStart(7, "0")}`;
  await time("filter for one name", async (n) => { await filter.fill(`name==${name(n)}`); await filter.press("Enter"); }, (n) => filtered(`name==${name(n)}`, name(n)));
  await time("filter by an attribute that one in 5000 has", async (n) => { await filter.fill(`attribute.site==s${70 + n}`); await filter.press("Enter"); }, async (n) => {
    await fit(`attribute.site==s${70 + n}`);
    await page.locator("tbody tr", { hasText: `fleet-${String(70 + n).padStart(7, "0")}` }).first().waitFor();
  });
  await time("filter by how they stand", async (n) => { await filter.fill(n % 2 ? "status==pending" : "status==registered"); await filter.press("Enter"); }, async (n) => {
    await fit(n % 2 ? "status==pending" : "status==registered");
    await page.locator("tbody tr .st", { hasText: n % 2 ? "Waiting" : "Unassigned" }).first().waitFor();
  });
  await time("page at three quarters", (n) => page.goto(`${base}/devices?offset=${Math.floor((count * 3) / 4) + 50 * n}`), rows);
  for (const column of ["status", "name", "type", "runs", "assigned", "lastSeen", "group", "created"]) {
    await time(`list sorted by ${column}, each way`, (n) => page.goto(`${base}/devices?cols=state.type.runs.assigned.seen.group.created&sort=${n % 2 ? "-" : ""}${column}`), async (n) => {
      await page.locator(`th[aria-sort=${n % 2 ? "descending" : "ascending"}]`).waitFor();
      await rows();
    });
  }
  await time("a filter, sorted by last contact", (n) => page.goto(`${base}/devices?q=status%3D%3Dpending&sort=${n % 2 ? "-" : ""}lastSeen`), rows);
  await time("a device opened by its address", (n) => page.goto(`${base}/devices/${name(n)}`), () => page.locator(".path li").first().waitFor());
  await time("the wizard's review of all of them", () => page.goto(`${base}/rollouts/new?release=${release}&step=review`), () => page.locator(".tile", { hasText: "To send" }).getByText(/[KMG]iB|B$/).first().waitFor());
  process.stdout.write(JSON.stringify(out));
} finally {
  await browser.close();
}
