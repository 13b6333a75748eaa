import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import type { Browser, Locator, Page } from 'playwright-core';
import { openDatabase } from '../../backend/src/platform/db/index.ts';
import { assertAccessible, assertFits, openBrowser, openPage, problemsOf, screenshot } from './browser.ts';
import { ask, people, startPlatform, until, type Json, type RunningPlatform } from './harness.ts';

/** A Korean resident number whose checksum fits: nobody's. */
const residentNumber = '900101-1234568';
const mail = (row: number) => `jane.doe${row}@example.com`;
const personalRows = [40, 400, 900] as const;
const [judgedFalse, judgedReal] = personalRows;
const wide = { width: 1280, height: 900 };
const narrow = { width: 390, height: 844 };

let platform: RunningPlatform;
let browser: Browser;
let page: Page;
let folder: string;
/** ids of the first version and of the one without personal data */
let first = '';
let redacted = '';

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'llm-ops-journey-'));
  platform = await startPlatform();
  browser = await openBrowser();
  page = await openPage(browser, `${platform.url}/catalog/datasets`, {
    userId: 'ada',
    roles: ['data-engineer'],
    team: 'platform',
  });
});
after(async () => {
  await browser.close();
  await platform.stop();
  rmSync(folder, { recursive: true, force: true });
});

const button = (name: string | RegExp, exact = false) => page.getByRole('button', { name, exact });
const field = (name: string | RegExp) => page.getByRole('textbox', { name });
const status = (name: string) => page.locator('h1').getByText(name, { exact: true });
const openTab = (name: string | RegExp) => page.getByRole('tab', { name }).click();
const datasetId = () => new URL(page.url()).pathname.split('/')[3]!;
const isDataset = /\/catalog\/datasets\/[0-9a-f-]{36}(\?|$)/;

/** Another person, by the identity menu. */
async function become(userId: string, role: string): Promise<void> {
  await button(/^Signed in as/).click();
  await field('User id').fill(userId);
  const roles = page.getByRole('combobox', { name: 'Roles' });
  await roles.click();
  for (const chosen of await page.getByRole('option', { selected: true }).all()) await chosen.click();
  await page.getByRole('option', { name: role, exact: true }).click();
  await page.keyboard.press('Escape');
  await button('Use this identity').click();
  await button(`Signed in as ${userId}`).waitFor();
}

async function changeStatus(step: string): Promise<void> {
  await button('Change status').click();
  await page.getByRole('menuitem', { name: step }).click();
}

async function choose(label: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: label, exact: true }).click();
  await page.getByRole('option', { name: option, exact: true }).click();
}

/** Files dropped onto the page as from a desktop. */
async function drop(files: Record<string, string>): Promise<void> {
  const data = await page.evaluateHandle((contents) => {
    const transfer = new DataTransfer();
    for (const [name, text] of Object.entries(contents)) transfer.items.add(new File([text], name));
    return transfer;
  }, files);
  const zone = page.getByText('Drop files here').locator('..');
  await zone.dispatchEvent('dragover', { dataTransfer: data });
  await zone.dispatchEvent('drop', { dataTransfer: data });
}

/** Looks at the page in light and dark, wide and narrow; nothing may be cut off, unreadable or a missing text. */
async function look(name: string): Promise<void> {
  const shown = await page.evaluate(() => document.body.innerText);
  assert.deepEqual(shown.match(/\b(?:shell|catalog|datasets)(?:\.[a-z]\w*){2,}/g), null, name);
  for (const [place, size, colorScheme] of [
    ['wide-light', wide, 'light'],
    ['wide-dark', wide, 'dark'],
    ['narrow-light', narrow, 'light'],
  ] as const) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme });
    await page.locator(`html.${colorScheme}`).waitFor();
    await assertFits(page, `${name}, ${place}`);
    await assertAccessible(page, `${name}, ${place}`);
    await screenshot(page, `datasets-${name}-${place}`);
  }
  await page.setViewportSize(wide);
}

/** What the browser saves when all rows are asked for in a format. */
async function download(format: string): Promise<{ name: string; text: string }> {
  const waiting = page.waitForEvent('download');
  await button('Download').click();
  await page.getByRole('menuitem', { name: format }).click();
  const file = await waiting;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
}

/** Chats about the platform; a few name people. */
function chats(count: number): string {
  const topics = ['a rollout', 'an approval', 'a budget', 'the audit log', 'an API key', 'a quota', 'a webhook'];
  const lines = Array.from({ length: count }, (_, index) => {
    const topic = topics[index % topics.length]!;
    const said = (personalRows as readonly number[]).includes(index)
      ? ` Write to ${mail(index)} or give the number ${residentNumber}.`
      : ` Item ${index * 7919} of the handbook explains step ${index % 13} for ${topic}.`;
    const messages = [
      { role: 'user', content: `How do I look at ${topic} in case ${index}?` },
      { role: 'assistant', content: `Open its page and read what case ${index} says about ${topic}.${said}` },
    ];
    return JSON.stringify({
      id: index,
      messages,
      label: ['short', 'long'][index % 2],
      score: (index * 37) % 101,
      note: null,
    });
  });
  return `${lines.join('\n')}\n`;
}

async function settledValidation(id: string): Promise<Json> {
  return until('the validation has ended', async () => {
    const found = await ask(platform.api, people.admin, 'GET', `/catalog/datasets/${id}/validation`);
    if (found.status === 'failed') throw new Error(JSON.stringify(found));
    return found.status === 'succeeded' ? found : null;
  });
}

test('UI-1, FR-003d: an empty list leads to the form, and the form names every field that is missing', async () => {
  await page.getByText('No dataset is registered yet.').waitFor();
  await look('empty');
  await page.getByRole('link', { name: 'Create New Dataset' }).first().click();
  await page.getByRole('heading', { name: 'Create New Dataset' }).waitFor();
  await field('Version').fill('../1');
  await button('Create dataset').click();
  assert.equal(await field('Name').getAttribute('aria-invalid'), 'true');
  assert.ok(
    await field('Name').evaluate((input) => input === document.activeElement),
    'the first wrong field has focus',
  );
  assert.equal(await field('Version').getAttribute('aria-invalid'), 'true');
  await look('create-errors');
  await field('Version').fill('1');
});

test('FR-003a: what can be told of a file is told before a byte of it is sent, and again when the type changes', async () => {
  await choose('Type', 'SFT pairs');
  await page.getByText('Needed columns:').waitFor();
  await drop({ 'notes.xlsx': 'PK', 'list.jsonl': '[{"messages":[]}]', 'broken.jsonl': '{"messages":[]}\n{"mess\n' });
  const refusal = page.getByRole('alert');
  await refusal.getByText('notes.xlsx: not a kind of file that a dataset has.').waitFor();
  await refusal.getByText('list.jsonl: one JSON array.').waitFor();
  await refusal.getByText('broken.jsonl: line 2 is not valid JSON.').waitFor();

  await drop({ '고객 상담.csv': 'question,hint\nWhat?,none\n' });
  await page.getByText('고객 상담.csv is sent as gogaek-sangdam.csv.').waitFor();
  await button('Remove gogaek-sangdam.csv').click();
  await drop({ 'questions.csv': 'question,hint\nWhat?,none\n' });
  const missing = refusal.getByText(/columns are missing.*Found: question, hint/);
  await missing.waitFor();
  await look('create-files');
  await field('Name').fill('support-chats');
  await button('Create dataset').click();
  await page.getByText('A file does not fit').waitFor();
  await choose('Type', 'Any columns');
  await missing.waitFor({ state: 'detached' });
  await choose('Type', 'SFT pairs');
  await button('Remove questions.csv').click();
});

test('FR-003a: a refusal shows line, reason and fix; the mended file is taken, and its validation is watched live', async () => {
  await field('Description').fill('Questions about the platform with good answers.');
  await field('License').fill('cc-by-4.0');
  await field('Key columns').fill('id');
  await button('Add a rule').click();
  await page.getByRole('group', { name: 'Rule for a column' }).getByRole('combobox', { name: 'Column' }).fill('label');
  await page.getByText('Values', { exact: true }).click();
  await field('Only these values').fill('short\nlong');

  // beyond what the browser looks at before it sends
  const broken = chats(3000).split('\n');
  broken[2500] = broken[2500]!.slice(0, 40);
  await drop({ 'chats.jsonl': broken.join('\n') });
  await page.getByText('Columns: id, messages, label, score, note').waitFor();
  await button('Create dataset').click();
  const refused = page.getByRole('region', { name: 'What is wrong with chats.jsonl' });
  await refused.getByRole('cell', { name: '2,501' }).waitFor();
  await page.getByText('not all files are in').waitFor();
  await look('refused');
  first = (await ask(platform.api, people.admin, 'GET', '/catalog/datasets'))[0].id;
  const kept = await ask(platform.api, people.admin, 'GET', `/catalog/datasets/${first}`);
  assert.deepEqual(kept.files, [], 'nothing half-accepted stays behind');
  assert.deepEqual(kept.column_rules[0]?.values, ['short', 'long']);

  await button('Remove chats.jsonl').click();
  await drop({ 'chats.jsonl': chats(3000) });
  await page.waitForURL(isDataset);
  assert.match(page.url(), /tab=validation/);
  assert.equal(datasetId(), first);
  const progress = page.getByRole('progressbar', { name: /^Validation: \d+ %$/ });
  await progress.waitFor();
  await screenshot(page, 'datasets-validation-running');
  await page.getByText('Quality score', { exact: true }).waitFor({ timeout: 60_000 });
  await progress.waitFor({ state: 'detached' });
});

test('FR-003c: score, parts, formula, personal data and advice are there without a reload', async () => {
  const { quality_score: quality, pii_scan: scan } = await settledValidation(first);
  await page.getByRole('img', { name: /^Quality score \d+(\.\d)? of 100; 70 is needed$/ }).waitFor();
  for (const part of ['Missing values', 'Duplicates', 'Distribution', 'Schema compliance', 'Format'])
    await page.getByRole('list', { name: 'Parts of the score' }).getByText(part).waitFor();
  await page.getByText(quality.formula.split('\n')[0]).waitFor();
  assert.deepEqual(scan.detected_types.map(({ type }: Json) => type).sort(), ['email', 'kr_rrn']);
  await page.getByRole('link', { name: 'E-mail address' }).waitFor();
  await page.getByText('PII found').first().waitFor();
  await page.getByText('Must be done:').first().waitFor();
  await page.getByRole('link', { name: 'Show findings' }).first().waitFor();
  await look('validation');

  await button('Options').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('14 of 14 are looked for').waitFor();
  await dialog.getByRole('checkbox', { name: 'IBAN' }).click();
  await dialog.getByText('An approval needs a validation that looks for all kinds.').waitFor();
  await dialog.getByRole('spinbutton', { name: 'Missing values' }).fill('100');
  await assertAccessible(page, 'the options of a validation');
  await screenshot(page, 'datasets-options');
  await dialog.getByRole('button', { name: 'Validate' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('Another validation is under way').waitFor();
  await page.getByText('Quality score', { exact: true }).waitFor();
  await page.getByRole('progressbar', { name: /^Validation: \d+ %$/ }).waitFor();
  await screenshot(page, 'datasets-validation-again');
  const weighted = await until('the weights count', async () => {
    const found = await settledValidation(first);
    return found.quality_score.weights.missing_values === 100 && found;
  });
  assert.equal(weighted.quality_score.overall, weighted.quality_score.breakdown.missing_values);
  await page.getByText('counts 100 %').waitFor();
  assert.equal(weighted.options.pii_types.length, 13);
  await page.getByText(/^Looked for: .*E-mail address.* An approval needs/).waitFor();
  await button('Validate again').click();
  await page.getByText('Another validation is under way').waitFor();
  await page.getByText('Another validation is under way').waitFor({ state: 'detached' });
  await page.getByText(/^Looked for: /).waitFor({ state: 'detached' });
});

test('FR-003b: rows by page with search, condition and order; a chat is read as a conversation', async () => {
  await openTab('Preview');
  const rows = page.getByRole('region', { name: 'Rows' });
  await page.getByText('Rows 1–50 of 3,000').waitFor();
  await page.getByRole('img', { name: /^Distribution of score/ }).waitFor();
  await look('preview');

  await button('Last page').click();
  await page.getByText('Rows 2,951–3,000 of 3,000').waitFor();
  await rows.getByRole('button', { name: 'Open row 3,000' }).waitFor();
  await rows.getByRole('button', { name: 'score', exact: true }).click();
  await rows.locator('th[aria-sort=ascending]').getByText('score').waitFor();
  await page.getByText('Rows 1–50 of 3,000').waitFor();
  await field('Search').fill('CASE 2999');
  await page.getByText('1 matches').waitFor();
  await field('Search').fill('');
  await choose('Column', 'label');
  await choose('Condition', 'is');
  await field('Value').fill('long');
  await button('Add filter').click();
  await page.getByText('Rows 1–50 of 1,500').waitFor();
  await page.reload();
  await page.getByText('Rows 1–50 of 1,500').waitFor();
  await page.getByText('label is long').waitFor();
  await button('Remove label is long').click();
  await page.getByText('Rows 1–50 of 3,000').waitFor();

  await button('Figures of label').click();
  await page.getByText('Most frequent').waitFor();
  await assertAccessible(page, 'the figures of a column');
  await screenshot(page, 'datasets-figures');
  await page.keyboard.press('Escape');
  await rows
    .getByRole('button', { name: /^2 turns/ })
    .first()
    .click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('article', { name: 'User' }).getByText('How do I look at').waitFor();
  await dialog.getByRole('article', { name: 'Assistant' }).waitFor();
  await assertAccessible(page, 'a row of the preview');
  await screenshot(page, 'datasets-row');
  await dialog.getByRole('button', { name: 'Row after' }).click();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
});

test('FR-003c: an approval is refused with what blocks it, and the way to it', async () => {
  await openTab('Overview');
  const gates = page.getByRole('heading', { name: 'Before it can be approved' }).locator('../..');
  await gates.getByText('Personal data was found.').waitFor();
  await look('overview');
  await changeStatus('Submit for review');
  await status('Under review').waitFor();

  await become('grace', 'reviewer');
  await page.getByRole('link', { name: 'Approvals' }).click();
  const task = page.getByRole('row', { name: /support-chats/ });
  await task.getByText('Dataset', { exact: true }).waitFor();
  await look('approvals');
  await task.getByRole('link', { name: 'support-chats' }).click();
  await button('Approve').click();
  const refusal = page.getByRole('alert').filter({ hasText: 'Personal data was found.' });
  await refusal.getByText('pii.email').waitFor();
  await refusal.getByText('pii.kr_rrn').waitFor();
  await screenshot(page, 'datasets-approval-refused');
  await assertAccessible(page, 'a refused approval');
  await field('Notes').fill('Take the people out.');
  await button('Request changes').click();
  await status('Draft').waitFor();

  await become('ada', 'data-engineer');
  await page.getByText('Take the people out.').waitFor();
  await gates.getByRole('link', { name: 'Judge findings' }).click();
});

test('FR-003c: a finding leads to its row; findings are judged one by one and by type, with a note', async () => {
  const table = page.getByRole('region', { name: 'Findings' });
  const mails = table.getByRole('row', { name: /E-mail address/ });
  await mails.first().waitFor();
  assert.equal(await mails.count(), personalRows.length);
  assert.ok(!(await page.content()).includes(mail(judgedFalse)), 'excerpts are masked');
  await look('findings');

  await mails
    .first()
    .getByRole('link', { name: `Row ${judgedFalse + 1}` })
    .click();
  const row = page.locator('tr[data-marked]');
  await row.getByRole('button', { name: `Open row ${judgedFalse + 1}` }).waitFor();
  await screenshot(page, 'datasets-finding-row');
  await page.goBack();

  await mails.first().getByRole('checkbox').click();
  await page
    .getByRole('group', { name: 'Judge what is chosen' })
    .getByRole('button', { name: 'False positive' })
    .click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Note' }).fill('An address of the handbook.');
  await assertAccessible(page, 'the dialog of a judgement');
  await screenshot(page, 'datasets-triage');
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await dialog.waitFor({ state: 'detached' });
  await until('one is judged', async () => (await mails.count()) === personalRows.length - 1);

  await choose('Judgement', 'Any');
  await mails.first().getByText('False positive').waitFor();
  await choose('Kind', 'Any');
  await choose('Type', 'Korean resident number');
  await button('Judge all: Korean resident number').click();
  await page.getByRole('menuitem', { name: 'Real' }).click();
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await dialog.waitFor({ state: 'detached' });
  const numbers = table.getByRole('row', { name: /Korean resident number/ });
  await numbers.first().getByText('Real', { exact: true }).waitFor();
  assert.equal(await numbers.getByText('Open', { exact: true }).count(), 0);
});

test('US1.6, FR-003: one click makes a version without the personal data; it fills, is validated and compared by itself', async () => {
  await button('Redact…').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('combobox', { name: 'Replace by' }).waitFor();
  await dialog.getByRole('combobox', { name: 'Method for E-mail address' }).click();
  await page.getByRole('option', { name: 'Pseudonym' }).click();
  await page.getByRole('listbox').waitFor({ state: 'detached' });
  await assertAccessible(page, 'the dialog of a redaction');
  await screenshot(page, 'datasets-redact');
  await dialog.getByRole('button', { name: 'Make the version' }).click();
  await page.waitForURL((url) => isDataset.test(url.pathname) && !url.pathname.endsWith(first));
  redacted = datasetId();
  await status('1-redacted').waitFor();
  await page.getByText('6 of 6 passed').waitFor({ timeout: 60_000 });
  await status('No PII open').waitFor();
  await look('redacted');
});

test('FR-003c: what passes every gate is submitted from where that is said, and approved', async () => {
  await openTab('Overview');
  await page.getByText('6 of 6 passed').waitFor();
  await button('Submit for review').click();
  await status('Under review').waitFor();
  await become('grace', 'reviewer');
  await button('Approve').click();
  await status('Approved').waitFor();
  await become('ada', 'data-engineer');
  await openTab(/^Files/);
  await page.getByText('A version that was submitted takes no files.').waitFor();
  await look('files');
});

test('FR-003-cmp: two versions are compared by key, to the cell, with filters and distributions', async () => {
  await openTab('Versions');
  await page.getByRole('row', { name: /1-redacted/ }).waitFor();
  await look('versions');
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await page.waitForURL(/\/compare\?v1=1&v2=1-redacted/);
  await page.getByText('Rows are paired by id.').waitFor();
  const row = (id: number) => page.getByRole('listitem').filter({ hasText: new RegExp(`id = ${id}(?!\\d)`) });
  await row(judgedReal).getByRole('region', { name: '1', exact: true }).getByText(mail(judgedReal)).waitFor();
  const after = row(judgedReal).getByRole('region', { name: '1-redacted' });
  assert.ok(!(await after.innerText()).includes(residentNumber), 'the new side has no number');
  assert.ok(!(await after.innerText()).includes(mail(judgedReal)), 'nor the address');
  const changed = page.locator('dl').getByText('Changed', { exact: true }).locator('..');
  assert.equal(await changed.locator('dd').innerText(), String(personalRows.length));
  await page.getByText('The columns are the same.').waitFor();
  await page.getByRole('img', { name: /^label: 1 and 1-redacted over \d+ values/ }).waitFor();
  await look('compare');
  await button('Added').click();
  await page.getByText('No row differs.').waitFor();
  await button('Any').click();
  await row(judgedReal).waitFor();
});

test('FR-003d: all rows are saved as CSV, JSON Lines and Parquet, and what machines read about the dataset', async () => {
  await page.goto(`${platform.url}/catalog/datasets/${redacted}`);
  const lines = await download('JSON Lines');
  assert.match(lines.name, /\.jsonl$/);
  assert.equal(lines.text.trim().split('\n').length, 3000);
  assert.ok(!lines.text.includes(residentNumber) && !lines.text.includes(mail(judgedReal)));
  assert.ok(lines.text.includes(mail(judgedFalse)), 'what was judged false stays');
  const csv = await download('CSV');
  assert.match(csv.text.split('\n')[0]!, /id.*messages.*label.*score.*note/);
  assert.equal((await download('Parquet')).text.slice(0, 4), 'PAR1');
  const croissant = JSON.parse((await download('Croissant metadata')).text);
  assert.equal(croissant['@type'], 'sc:Dataset');
});

test('FR-002: an older version is restored as a new one', async () => {
  await openTab('Versions');
  await button('Restore 1', true).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Label of the new version' }).fill('2');
  await assertAccessible(page, 'the dialog of a restore');
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await page.waitForURL((url) => isDataset.test(url.pathname) && !url.pathname.endsWith(redacted));
  await page.getByText('Restored from version 1.').waitFor();
  await page.getByText('Done: the files are in this version.').waitFor({ timeout: 60_000 });
  const restored = await ask(platform.api, people.admin, 'GET', `/catalog/datasets/${datasetId()}`);
  assert.equal(restored.rows, 3000);
  await settledValidation(datasetId());
});

test('FR-003a: a large file is sent in parts: paused, and resumed where it was', async () => {
  const dataset = await ask(platform.api, people.researcher, 'POST', '/catalog/datasets', {
    name: 'large',
    version: '1',
    owner_team: 'platform',
    metadata: { description: 'A large file.' },
  });
  const file = path.join(folder, 'large.csv');
  const lines = Array.from({ length: 200_000 }, (_, row) => `${row},${'word '.repeat(18)}${row}`);
  writeFileSync(file, `id,text\n${lines.join('\n')}\n`);
  await page.goto(`${platform.url}/catalog/datasets/${dataset.id}?tab=files`);
  const network = await page.context().newCDPSession(page);
  await network.send('Network.enable');
  const throttle = (uploadThroughput: number) =>
    network.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    });
  await throttle(3_000_000);
  const chooser = page.waitForEvent('filechooser');
  await button('choose files').click();
  await (await chooser).setFiles(file);
  await page.getByRole('progressbar', { name: /^large\.csv: [1-9]\d* %$/ }).waitFor();
  await button('Pause large.csv').click();
  await page.getByText(/^Paused at \d+ %$/).waitFor();
  await screenshot(page, 'datasets-paused');
  await assertAccessible(page, 'a paused upload');
  await throttle(-1);
  await button('Resume').click();
  await page
    .getByRole('row', { name: /large\.csv/ })
    .getByText('Ready')
    .waitFor({ timeout: 60_000 });
  await page.getByText('200,000 rows').first().waitFor();
  await network.detach();
});

test('FR-003b: a table of hundreds of columns is looked at a screen at a time, with the figures of those', async () => {
  const dataset = await ask(platform.api, people.researcher, 'POST', '/catalog/datasets', {
    name: 'wide',
    version: '1',
    owner_team: 'platform',
    key_columns: ['column_1'],
    metadata: { description: 'Many columns.' },
  });
  const names = Array.from({ length: 250 }, (_, at) => `column_${at}`);
  const lines = Array.from({ length: 60 }, (_, row) => names.map((_, at) => row * at).join(','));
  const body = new FormData();
  body.append('files', new File([`${names.join(',')}\n${lines.join('\n')}\n`], 'wide.csv'));
  const headers = { 'x-user-id': 'ada', 'x-user-roles': 'researcher', 'x-user-team': 'platform' };
  const sent = await fetch(`${platform.api}/catalog/datasets/${dataset.id}/upload`, { method: 'POST', body, headers });
  assert.equal(sent.status, 200);
  await settledValidation(dataset.id);
  await page.goto(`${platform.url}/catalog/datasets/${dataset.id}?tab=preview`);
  const rows = page.getByRole('region', { name: 'Rows' });
  const head = (name: string) => rows.getByRole('button', { name, exact: true });
  await head('column_29').waitFor();
  for (let screen = 1; screen <= 8; screen++) {
    await button('Columns after').click();
    await page.getByText(`Columns ${screen * 30 + 1}–${Math.min(250, screen * 30 + 30)} of 250`).waitFor();
  }
  await head('column_249').waitFor();
  await page.getByRole('img', { name: /^Distribution of column_249/ }).waitFor();
  await rows.getByRole('cell', { name: String(49 * 249), exact: true }).waitFor();
  await look('wide');
  await page.getByRole('combobox', { name: 'Go to a column' }).fill('column_31');
  await page.getByText('Columns 31–60 of 250').waitFor();
  // not taken to column_2 nor column_24 on the way, and brought into sight within its screen of columns
  await page.getByRole('combobox', { name: 'Go to a column' }).pressSequentially('column_24');
  await page.getByText('Columns 31–60 of 250').waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('Columns 1–30 of 250').waitFor();
  await page.waitForFunction(() => {
    const head = document.querySelector('th[data-sought]');
    return head?.textContent?.includes('column_24') === true && head.getBoundingClientRect().right <= innerWidth;
  });
  await page.getByRole('combobox', { name: 'Go to a column' }).fill('column_x');
  await page.keyboard.press('Enter');
  await page.getByText('No such column.').waitFor();
  await page.getByRole('combobox', { name: 'Go to a column' }).fill('column_249');
  await page.getByText('Columns 241–250 of 250').waitFor();
  await button('Open row 50').click();
  const opened = page.getByRole('dialog', { name: 'Row 50' });
  await opened.getByText('Columns 211–250 of 250').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('combobox', { name: 'Column', exact: true }).fill('column_249');
  await choose('Condition', 'is above');
  await page.getByRole('textbox', { name: 'Value' }).fill(String(57 * 249));
  await button('Add filter').click();
  await page.getByText('2 match', { exact: false }).first().waitFor();
  // of two versions too, where the column is looked at alone
  const next = await ask(platform.api, people.researcher, 'POST', `/catalog/datasets/${dataset.id}/versions`, {
    version: '2',
  });
  const changed = lines.map((line) => line.replace(/\d+$/, (value) => String(Number(value) + 1)));
  const more = new FormData();
  more.append('files', new File([`${names.join(',')}\n${changed.join('\n')}\n`], 'wide.csv'));
  assert.equal(
    (await fetch(`${platform.api}/catalog/datasets/${next.id}/upload`, { method: 'POST', body: more, headers })).status,
    200,
  );
  await page.goto(`${platform.url}/catalog/datasets/${next.id}/compare?v1=1&v2=2`);
  await page.getByText('These versions have very many columns', { exact: false }).waitFor();
  await page.getByText('Before: 249', { exact: false }).first().waitFor();
  await page.getByRole('combobox', { name: 'Go to a column' }).fill('column_7');
  await page.keyboard.press('Enter');
  await page.getByText('Only column_7:', { exact: false }).waitFor();
  await page.getByText('0 of 1 cells that differ').first().waitFor();
  await look('compare-column');
  await button('All columns').click();
  await page.getByText('Columns 1–200 of 250').waitFor();
  await page.goto(`${platform.url}/catalog/datasets`);
  await ask(platform.api, people.admin, 'DELETE', `/catalog/datasets/${next.id}`);
  await ask(platform.api, people.admin, 'DELETE', `/catalog/datasets/${dataset.id}`);
});

test('FR-003c: a rule of the organization is tried while it is written, used, and deleted', async () => {
  await page.getByRole('link', { name: 'PII rules' }).click();
  await page.getByText('No rules of your own.').waitFor();
  await field('Text').fill(`Write to ${mail(1)}.`);
  await page.getByRole('list', { name: 'What is found' }).getByText('E-mail address').waitFor();
  await button('New rule').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('staff_number');
  await dialog.getByRole('textbox', { name: 'Try it on a text' }).fill('Ask EMP-123456 about it.');
  await dialog.getByRole('textbox', { name: 'Pattern' }).fill('(EMP)-\\1');
  await dialog.getByRole('alert').first().waitFor();
  await dialog.getByRole('textbox', { name: 'Pattern' }).fill('EMP-[0-9]{6}');
  await dialog.locator('mark').getByText('EMP-123456').waitFor();
  await assertAccessible(page, 'the dialog of a rule');
  await screenshot(page, 'datasets-pii-rule');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page
    .getByRole('row', { name: /staff_number/ })
    .getByText('platform')
    .waitFor();
  await look('pii-rules');
  await button('Delete staff_number').click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No rules of your own.').waitFor();
});

test('FR-001: a benchmark is registered; a model names its datasets by search, and its lineage leads to them', async () => {
  await page.getByRole('link', { name: 'Benchmarks' }).click();
  await page.getByText('No benchmark is registered yet.').waitFor();
  await page.getByRole('link', { name: 'New benchmark' }).first().click();
  await field('Name').fill('handbook-questions');
  await field('Task').fill('question answering');
  await field('Description').fill('Questions with their answers.');
  await drop({ 'items.csv': 'input,reference\nWhat is a rollout?,A change of what runs.\n' });
  await page.getByText('Columns: input, reference').waitFor();
  await button('Create dataset').click();
  await page.waitForURL(isDataset);
  await page.goto(`${platform.url}/catalog/benchmarks`);
  await page
    .getByRole('row', { name: /handbook-questions/ })
    .getByText('question answering')
    .waitFor();
  await look('benchmarks');

  await page.goto(`${platform.url}/catalog/models/new`);
  await field('Name').first().fill('support-llama');
  await field('Description').fill('Tuned on the support chats.');
  const picker = page.getByRole('combobox', { name: 'Lineage datasets' });
  await picker.fill('support-ch');
  const offer = page.getByRole('option', { name: /support-chats 1-redacted/ });
  await offer.waitFor();
  await assertAccessible(page, 'the search of datasets');
  await offer.click();
  await page.getByRole('list', { name: 'Lineage datasets' }).getByText('support-chats 1-redacted').waitFor();
  await button('Create model').click();
  await page.waitForURL(/\/catalog\/models\/[0-9a-f-]{36}$/);
  await openTab('Lineage');
  await page
    .getByRole('region', { name: 'Lineage' })
    .getByRole('link', { name: /support-chats/ })
    .click();
  await page.waitForURL(isDataset);
  assert.equal(datasetId(), redacted);
  await openTab('Lineage');
  await page.getByRole('region', { name: 'Lineage' }).getByText('support-llama').waitFor();
  await look('lineage');
});

test('FR-003d: a version that a model names is not deleted; one that nothing refers to is', async () => {
  await become('root', 'admin');
  const dialog = page.getByRole('dialog');
  await button('Delete').click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('alert').waitFor();
  await screenshot(page, 'datasets-in-use');
  await page.keyboard.press('Escape');
  await page.goto(`${platform.url}/catalog/datasets?name=large`);
  await page.getByRole('link', { name: 'large' }).click();
  await button('Delete').click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.waitForURL(`${platform.url}/catalog/datasets`);
  await page
    .getByRole('row', { name: /support-chats/ })
    .first()
    .waitFor();
  assert.equal(await page.getByRole('link', { name: 'large', exact: true }).count(), 0);
});

test('FR-003d: the list is filtered by name, version, team, type, status, personal data and quality, and keeps it in the address', async () => {
  await look('list');
  const rows = page.getByRole('row').filter({ has: page.getByRole('link') });
  const filtered = async (count: number, what: Locator | null = null): Promise<void> => {
    await until(`${count} rows`, async () => (await rows.count()) === count, 10_000);
    await what?.first().waitFor();
  };
  await filtered(4);
  await field('Version').fill('1-redacted');
  await filtered(1, page.getByText('No PII open'));
  await field('Version').fill('');
  await choose('Personal data', 'PII found');
  await filtered(2);
  await choose('Personal data', 'Any');
  await choose('Type', 'Benchmark');
  await filtered(1, page.getByText('handbook-questions'));
  await choose('Type', 'Any');
  await choose('Status', 'Approved');
  await filtered(1);
  await page.reload();
  await filtered(1, page.getByText('1-redacted'));
  await button('Clear filters').click();
  await page.getByRole('spinbutton', { name: 'Quality from' }).fill('0');
  await page.getByRole('spinbutton', { name: 'Quality to' }).fill('1');
  await page.getByText('Nothing matches these filters.').waitFor();
  await button('Clear filters').click();
  await field('Owner team').fill('nobody');
  await page.getByText('Nothing matches these filters.').waitFor();
  await button('Clear filters').click();
  await filtered(4);
});

test('UI-1: in Korean every page has its texts', async () => {
  const korean = await openPage(browser, platform.url, { userId: 'root', roles: ['admin'] }, { locale: 'ko-KR' });
  const at = `/catalog/datasets/${redacted}`;
  const tabs = ['preview', 'validation', 'findings', 'files', 'versions', 'lineage'].map((tab) => `${at}?tab=${tab}`);
  for (const address of [
    '/catalog/datasets',
    '/catalog/datasets/new',
    '/catalog/datasets/new?tab=import',
    at,
    ...tabs,
    `${at}/compare`,
    '/catalog/benchmarks',
    '/governance/pii-rules',
  ]) {
    await korean.goto(platform.url + address);
    await korean.getByRole('heading', { level: 1 }).first().waitFor();
    await korean.waitForLoadState('networkidle');
    const shown = await korean.evaluate(() => document.body.innerText);
    assert.deepEqual(shown.match(/\b(?:shell|catalog|datasets|observability)(?:\.[a-z]\w*){2,}/g), null, address);
    assert.ok((shown.match(/[\uac00-\ud7a3]/g)?.length ?? 0) > 60, address);
    await assertAccessible(korean, `${address} in Korean`);
  }
  assert.deepEqual(problemsOf(korean), []);
  await korean.context().close();
});

test('UI-1: a catalog of 10,000 datasets stays quick to open, to filter and to leaf through', async (context) => {
  const db = await openDatabase({ dataDir: platform.dataDir, guest: true, log: pino({ level: 'silent' }) });
  await db.pool.query(`
    insert into dataset (id, name, version, type, owner_team, created_by, created_at, updated_at)
    select gen_random_uuid(), 'dataset-' || lpad(n::text, 5, '0'), '1', (array['sft_pair', 'rag_qa'])[1 + n % 2], 'platform', 'ada',
           now() - n * interval '1 minute', now() - n * interval '1 minute'
      from generate_series(1, 10000) as n`);
  await db.close();
  const timed = async (what: string, limitMs: number, work: () => Promise<unknown>): Promise<void> => {
    const from = performance.now();
    await work();
    const ms = Math.round(performance.now() - from);
    context.diagnostic(`${what}: ${ms} ms (limit ${limitMs})`);
    assert.ok(ms < limitMs, `${what} took ${ms} ms`);
  };
  const row = (name: string) => page.getByRole('row', { name: new RegExp(name) });
  await timed('open', 5000, async () => {
    await page.goto(`${platform.url}/catalog/datasets`);
    await row('dataset-00001').waitFor();
  });
  await timed('five more pages', 10_000, async () => {
    for (const rows of [200, 300, 400, 500, 600]) {
      await button('Load more').click();
      await page.getByText(`${rows} rows so far`).waitFor();
    }
  });
  await timed('filter', 3000, async () => {
    await field('Name').fill('dataset-09999');
    await row('dataset-09999').waitFor();
  });
});

test('UI-1: no page wrote an error to the console or left the origin', () => {
  // refusals on purpose: a file, an approval, a pattern, a deletion
  const unexpected = problemsOf(page).filter((problem) => !/status of (400|409)/.test(problem));
  assert.deepEqual(unexpected, []);
});
