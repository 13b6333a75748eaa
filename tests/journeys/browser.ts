import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { provisionBrowser } from '../../scripts/provision/browser.ts';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const axeSource = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await provisionBrowser(), headless: true, args: flags });
}

/** A page signed in as somebody in header mode: what the identity menu stores. */
export async function openPage(
  browser: Browser,
  url: string,
  identity: { userId: string; roles: string[]; team?: string },
  options: { dark?: boolean; width?: number; locale?: string } = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: 900 },
    colorScheme: options.dark === true ? 'dark' : 'light',
    locale: options.locale ?? 'en-US',
    reducedMotion: 'reduce',
  });
  await context.addInitScript(
    (stored) => {
      if (localStorage.getItem('llmops.identity') === null) localStorage.setItem('llmops.identity', stored);
    },
    JSON.stringify({ userId: identity.userId, roles: identity.roles, team: identity.team ?? '' }),
  );
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  listen(page, new URL(url).origin);
  await page.goto(url);
  return page;
}

const heard = new WeakMap<Page, string[]>();

/** What the page has done wrong so far: errors on its console (blocked by its policy among them), and requests to others. */
function listen(page: Page, origin: string): void {
  const problems: string[] = [];
  heard.set(page, problems);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      problems.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => problems.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.origin !== origin) problems.push(`left the origin: ${url.href}`);
  });
}

/** Takes what `listen` heard since the last call. */
export function problemsOf(page: Page): string[] {
  return heard.get(page)?.splice(0) ?? [];
}

/** Nothing is wider than the screen, once the page has taken its shape after a change of size. */
export async function assertFits(page: Page, what: string): Promise<void> {
  const measure = () => page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const);
  let [content, screen] = await measure();
  for (const until = Date.now() + 3_000; content > screen && Date.now() < until; [content, screen] = await measure())
    await page.waitForTimeout(50);
  assert.ok(content <= screen, `${what}: ${content} px wide on a screen of ${screen} px`);
}

/** Fails on any accessibility violation of WCAG 2 A and AA that axe can see. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // through the debugger: the page's own policy forbids to evaluate text, as it should
  if (!(await page.evaluate(() => 'axe' in globalThis))) {
    const session = await page.context().newCDPSession(page);
    await session.send('Runtime.evaluate', { expression: axeSource });
    await session.detach();
  }
  const violations = await page.evaluate(async () => {
    // half-way through fading in nothing has its contrast
    await Promise.allSettled(
      document
        .getAnimations()
        .map((animation) => animation.effect?.getComputedTiming().iterations === Infinity || animation.finished),
    );
    const { axe } = globalThis as unknown as {
      axe: {
        run(
          context: unknown,
          options: unknown,
        ): Promise<{ violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[] }>;
      };
    };
    // sentinels of the component library around toasts and dialogs: whatever focuses them is sent on at once
    const sentinels = [['[data-reka-focus-guard]'], ['span[aria-hidden="true"][tabindex="0"]']];
    const result = await axe.run(
      { include: document, exclude: sentinels },
      { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] },
    );
    return result.violations.map(
      (violation) =>
        `${violation.id}: ${violation.help}\n      ${violation.nodes
          .slice(0, 3)
          .map((node) => `${node.html.slice(0, 160)} — ${node.failureSummary.split('\n')[1] ?? ''}`)
          .join('\n      ')}`,
    );
  });
  assert.deepEqual(violations, [], `${what} is not accessible:\n    ${violations.join('\n    ')}`);
}

/** Keeps a picture where SCREENSHOTS says, to be looked at. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS'];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}
