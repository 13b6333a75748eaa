import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { assertAccessible, openBrowser, openPage, problemsOf, screenshot } from './browser.ts';
import { ask, call, people, sampleModel, startPlatform, until, type RunningPlatform } from './harness.ts';

const key = 'sk-journey-canary';
const description = 'Explains the terms of this platform.';

let platform: RunningPlatform;
let browser: Browser;
let page: Page;
let provider: Server;
let providerUrl: string;

/** Speaks as much of OpenAI's and Ollama's protocols as a connection test asks. */
async function startProvider(): Promise<void> {
  provider = createServer((request, response) => {
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.url === '/api/tags') send(200, { models: [{ name: 'llama2:latest', size: 1, details: {} }] });
    else if (request.headers.authorization !== `Bearer ${key}`) send(401, { error: { message: 'Incorrect API key.' } });
    else if (request.url === '/v1/models') send(200, { object: 'list', data: [{ id: 'gpt-4', object: 'model' }] });
    else send(404, { error: { message: 'not found' } });
  }).listen(0, '127.0.0.1');
  await once(provider, 'listening');
  providerUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
}

before(async () => {
  await startProvider();
  platform = await startPlatform();
  browser = await openBrowser();
  page = await openPage(browser, `${platform.url}/catalog/models`, {
    userId: 'ada',
    roles: ['researcher'],
    team: 'platform',
  });
});
after(async () => {
  await browser.close();
  await platform.stop();
  provider.closeAllConnections();
  provider.close();
});

const button = (name: string | RegExp) => page.getByRole('button', { name });
const field = (name: string | RegExp) => page.getByRole('textbox', { name });

/** Another person, by the identity menu. */
async function become(userId: string, role: string, team = 'platform'): Promise<void> {
  await button(/^Signed in as/).click();
  await field('User id').fill(userId);
  const roles = page.getByRole('combobox', { name: 'Roles' });
  await roles.click();
  for (const chosen of await page.getByRole('option', { selected: true }).all()) await chosen.click();
  await page.getByRole('option', { name: role, exact: true }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('textbox', { name: 'Team', exact: true }).fill(team);
  await button('Use this identity').click();
  await button(`Signed in as ${userId}`).waitFor();
}

async function changeStatus(step: string): Promise<void> {
  await button('Change status').click();
  await page.getByRole('menuitem', { name: step }).click();
}
const status = (name: string) => page.locator('h1').getByText(name, { exact: true });
const openTab = (name: string | RegExp) => page.getByRole('tab', { name }).click();
const modelId = () => new URL(page.url()).pathname.split('/').at(-1)!;

/** The sample model's files, dropped onto the page as from a desktop. */
async function drop(names: string[]): Promise<void> {
  const contents = names.map((name) => [name, readFileSync(path.join(sampleModel, name)).toString('base64')] as const);
  const data = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const [name, base64] of files)
      transfer.items.add(new File([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], name));
    return transfer;
  }, contents);
  const zone = page.getByText('Drop files here').locator('..');
  await zone.dispatchEvent('dragover', { dataTransfer: data });
  await zone.dispatchEvent('drop', { dataTransfer: data });
}

test('UI-1, FR-001b: an empty catalog leads to the form, and the form names every field that is missing', async () => {
  await page.getByText('No model is registered yet.').waitFor();
  await screenshot(page, 'catalog-empty');
  await page.getByRole('link', { name: 'Create New Model' }).first().click();
  await page.getByRole('heading', { name: 'Create New Model' }).waitFor();
  await field('Version').fill('../1');
  await button('Create model').click();
  assert.equal(await field('Name').getAttribute('aria-invalid'), 'true');
  assert.ok(
    await field('Name').evaluate((input) => input === document.activeElement),
    'the first wrong field has focus',
  );
  await page.getByText('Must not be empty.').waitFor();
  assert.equal(await field('Version').getAttribute('aria-invalid'), 'true');
  await assertAccessible(page, 'the form with errors');
  await screenshot(page, 'catalog-create-errors');
});

test('US1.1, FR-001a, FR-001a-upload: a researcher registers a model with dropped and chosen files and sees their progress', async () => {
  await field('Name').fill('glossary-llama');
  await field('Version').fill('1.0.0');
  await page.getByRole('textbox', { name: 'Intended use' }).fill('Trying out the platform.');

  const chooser = page.waitForEvent('filechooser');
  await button('choose files').click();
  await (
    await chooser
  ).setFiles([
    {
      name: 'tokenizer.json',
      mimeType: 'application/json',
      buffer: readFileSync(path.join(sampleModel, 'tokenizer.json')),
    },
    { name: 'run.exe', mimeType: 'application/octet-stream', buffer: Buffer.from('MZ') },
  ]);
  await page.getByRole('alert').getByText('run.exe is not a kind of file that a model has.').waitFor();
  await drop(['config.json', 'tokenizer_config.json', 'chat_template.jinja', 'model.safetensors']);
  await page.getByText('model.safetensors').waitFor();

  const network = await page.context().newCDPSession(page);
  await network.send('Network.enable');
  const throttle = (uploadThroughput: number) =>
    network.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    });
  await throttle(2_000_000);
  await button('Create model').click();
  const progress = page.getByRole('progressbar', { name: /^model\.safetensors: \d+ %$/ });
  await progress.waitFor();
  await screenshot(page, 'catalog-uploading');
  await throttle(-1);
  await page.waitForURL(/\/catalog\/models\/[0-9a-f-]{36}$/);
  await network.detach();
  await status('Draft').waitFor();

  await openTab(/^Files/);
  const weights = page.getByRole('row', { name: /model\.safetensors/ });
  await weights.getByText('Ready').waitFor();
  const sha256 = createHash('sha256')
    .update(readFileSync(path.join(sampleModel, 'model.safetensors')))
    .digest('hex');
  await weights.getByText(sha256.slice(0, 12)).waitFor();
  assert.equal(await page.getByRole('cell', { name: 'Ready' }).count(), 5);
  await assertAccessible(page, 'the files of a model');
  await screenshot(page, 'catalog-files');
});

test('EC-metadata: without a description it is not submitted; the field is named, filled, and the reviewer gets a task', async () => {
  await openTab('Overview');
  await changeStatus('Submit for review');
  const refusal = page.getByRole('alert').filter({ hasText: 'metadata.description' });
  await refusal.waitFor();
  await screenshot(page, 'catalog-refused');
  await button('Edit card').click();
  await field('Description').fill(description);
  await button('Save').click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByText(description).first().waitFor();
  await changeStatus('Submit for review');
  await status('Under review').waitFor();
  assert.equal(await refusal.count(), 0, 'the refusal is gone with its reason');
});

test('FR-010: whoever submitted is offered no decision, and a request of theirs is denied with the rule', async () => {
  assert.equal(await button('Approve').count(), 0);
  await button('Change status').click();
  await page.getByRole('menuitem', { name: 'Nothing that you may do from here.' }).waitFor();
  await page.keyboard.press('Escape');
  const denied = await call(
    platform.api,
    people.researcher,
    'POST',
    `/catalog/models/${modelId()}/versions/1.0.0/approve`,
    { decision: 'approve' },
  );
  assert.deepEqual([denied.status, denied.body.data.code, denied.body.data.rule], [403, 'permission_denied', 'role']);
});

test('US1.1: a reviewer finds the task in the inbox and rejects it with notes, which the researcher reads', async () => {
  await become('grace', 'reviewer');
  await page.getByRole('link', { name: 'Approvals' }).click();
  const task = page.getByRole('row', { name: /glossary-llama/ });
  await task.getByText('ada').waitFor();
  await screenshot(page, 'approvals');
  await task.getByRole('link', { name: 'glossary-llama' }).click();
  await field('Notes').fill('Which licence has it?');
  await screenshot(page, 'catalog-review');
  await assertAccessible(page, 'the review of a model');
  await button('Reject').click();
  await status('Rejected').waitFor();

  await become('ada', 'researcher');
  await page.getByText('Which licence has it?').waitFor();
  await changeStatus('Reopen as draft');
  await status('Draft').waitFor();
  await button('Edit card').click();
  await field('License').fill('Apache-2.0');
  await button('Save').click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await changeStatus('Submit for review');
  await status('Under review').waitFor();

  await become('grace', 'reviewer');
  await button('Approve').click();
  await status('Approved').waitFor();
  await screenshot(page, 'catalog-approved');
});

test('FR-002: a new version carries the card over; two versions are compared as a visual diff; a card is brought back', async () => {
  await become('ada', 'researcher');
  await openTab('Versions');
  await page.getByText('There is only this version.').waitFor();
  await button('New version').click();
  await page.getByRole('dialog').getByRole('textbox', { name: 'Version' }).fill('1.1.0');
  await page.getByRole('checkbox', { name: 'Carry the files over too' }).check();
  const first = modelId();
  await button('Create').click();
  await page.waitForURL((url) => !url.pathname.endsWith(first));
  await status('Draft').waitFor();
  await button('Edit card').click();
  await field('Description').fill(`${description} Now with examples.`);
  await field('License').fill('MIT');
  await button('Save').click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  await openTab('Versions');
  const license = page.getByRole('row', { name: /metadata\.license/ });
  await license.waitFor();
  // the carried files are the same: once they were read nothing of the architecture differs
  await page.getByRole('heading', { name: 'Architecture' }).waitFor({ state: 'detached' });
  assert.match(await license.innerText(), /changed[\s\S]*Apache-2\.0[\s\S]*MIT/);
  await assertAccessible(page, 'the comparison of two versions');
  await screenshot(page, 'catalog-compare');

  await button('Restore card of…').click();
  await button('Confirm').click();
  await page.getByText('The two versions do not differ.').waitFor();
});

test('FR-001: the lineage graph shows where a version came from and leads there', async () => {
  await openTab('Lineage');
  const graph = page.getByRole('region', { name: 'Lineage' });
  await graph.getByText('version of').waitFor();
  await screenshot(page, 'catalog-lineage');
  await assertAccessible(page, 'the lineage graph');
  await graph.getByRole('link', { name: /1\.0\.0/ }).click();
  await status('Approved').waitFor();
});

test('FR-001c: an OpenAI model is registered with a key that never comes back, and its connection is tested', async () => {
  await page.goto(`${platform.url}/catalog/models/new`);
  await page.getByRole('combobox', { name: 'Type' }).click();
  await page.getByRole('option', { name: 'External' }).click();
  await field('Name').first().fill('gpt-4');
  await button('Create model').click();
  const modelName = field('Model name at the provider');
  assert.equal(await modelName.getAttribute('aria-invalid'), 'true');
  await modelName.fill('gpt-4');
  await page.getByLabel('API key').fill(key);
  await field('Base URL').fill(`${providerUrl}/v1`);
  await field('Description').fill('A model that somebody else runs.');
  await screenshot(page, 'catalog-external-form');
  await button('Create model').click();
  await page.waitForURL(/\/catalog\/models\/[0-9a-f-]{36}$/);
  await page.getByText('An API key is stored.').waitFor();
  await button('Test connection').click();
  await page.getByText(/Answered in \d+ ms/).waitFor();
  await page.getByText('Models there: gpt-4').waitFor();
  await screenshot(page, 'catalog-external');
  assert.ok(!(await page.content()).includes(key));
  assert.ok(
    !JSON.stringify(await ask(platform.api, people.admin, 'GET', `/catalog/models/${modelId()}`)).includes(key),
  );

  await button('Edit card').click();
  await page.getByLabel('API key').fill('sk-wrong');
  await button('Save').click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await button('Test connection').click();
  await page.getByText(/key/i).and(page.locator('.text-error *')).first().waitFor();
  await screenshot(page, 'catalog-external-wrong-key');

  await button('Replace key').click();
  await page.getByRole('dialog').getByLabel('API key').fill(key);
  await screenshot(page, 'catalog-external-replace-key');
  await assertAccessible(page, 'the dialog for another key');
  await button('Store key').click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await button('Test connection').click();
  await page.getByText('Models there: gpt-4').waitFor();
});

test('FR-001c: an Ollama model is registered by its endpoint and its connection is tested', async () => {
  await page.goto(`${platform.url}/catalog/models/new`);
  await page.getByRole('combobox', { name: 'Type' }).click();
  await page.getByRole('option', { name: 'External' }).click();
  await page.getByRole('combobox', { name: 'Provider' }).click();
  await page.getByRole('option', { name: 'Ollama' }).click();
  await field('Name').first().fill('llama2');
  await field('Model name at the provider').fill('llama2');
  await field('Endpoint').fill(providerUrl);
  await field('Description').fill('A model on a machine of ours.');
  await button('Create model').click();
  await page.waitForURL(/\/catalog\/models\/[0-9a-f-]{36}$/);
  await button('Test connection').click();
  await page.getByText('Models there: llama2:latest').waitFor();
});

test('FR-001d: a model in use is not deleted: the refusal names the endpoint; without it the model goes', async () => {
  const id = modelId();
  await changeStatus('Submit for review');
  await status('Under review').waitFor();
  await become('grace', 'reviewer');
  await button('Approve').click();
  await status('Approved').waitFor();
  const endpoint = await ask(platform.api, people.operator, 'POST', '/serving/endpoints', {
    modelId: id,
    environment: 'dev',
    route: '/elsewhere/llama2',
    useGpu: false,
  });
  await become('root', 'admin');
  await button('Delete').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByText(/^Still in use by endpoint elsewhere\/llama2/).waitFor();
  await screenshot(page, 'catalog-delete-refused');
  const address = `/serving/endpoints/${endpoint.id}`;
  await ask(platform.api, people.operator, 'DELETE', address);
  await until(
    'the endpoint is gone',
    async () => (await call(platform.api, people.operator, 'GET', address)).status === 404,
  );
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.waitForURL(`${platform.url}/catalog/models`);
  await page.getByRole('row', { name: /gpt-4/ }).waitFor();
  assert.equal(await page.getByRole('row', { name: /llama2/ }).count(), 0);
});

test('FR-001b: the list is filtered by type, status and owner team, and the address keeps the filters', async () => {
  const only = async (name: string) => {
    await page.getByText('1 row', { exact: true }).waitFor();
    await page.getByRole('row').getByRole('link', { name, exact: true }).waitFor();
  };
  await page.getByRole('combobox', { name: 'Type' }).click();
  await page.getByRole('option', { name: 'External' }).click();
  await only('gpt-4');
  await button('Clear filters').click();
  await page.getByText('3 rows').waitFor();
  await page.getByRole('combobox', { name: 'Status' }).click();
  await page.getByRole('option', { name: 'Approved' }).click();
  await only('glossary-llama');
  await page.reload();
  await only('glossary-llama');
  await field('Owner team').fill('nobody');
  await page.getByText('Nothing matches these filters.').waitFor();
  await button('Clear filters').click();
  await page.getByText('3 rows').waitFor();
});

test('FR-006, FR-006c: from the catalog through the wizard to a streamed chat answer', async () => {
  await become('linus', 'developer');
  await page
    .getByRole('row', { name: /glossary-llama\s+1\.0\.0/ })
    .getByRole('link')
    .click();
  await page.getByRole('link', { name: 'Deploy' }).click();
  await page.getByRole('radio', { name: 'glossary-llama 1.0.0' }).waitFor();
  for (const step of ['Where does it run?', 'Runtime image', 'Preflight']) {
    await button('Next').click();
    await page.getByRole('heading', { name: step }).waitFor();
  }
  await page
    .getByRole('status', { name: 'Result of the preflight' })
    .getByText(/fits|should run/)
    .waitFor();
  await screenshot(page, 'deploy-preflight');
  await button('Deploy').click();
  await page.waitForURL(/\/serving\/endpoints\/[0-9a-f-]{36}$/);
  await status('Healthy').waitFor({ timeout: 90_000 });
  await screenshot(page, 'endpoint-healthy');
  await page.getByRole('link', { name: 'Chat', exact: true }).click();
  await field('Message').fill('What is a revision?');
  await page.keyboard.press('Enter');
  const answer = page.getByRole('article', { name: 'Answer' });
  await answer.getByText(/tokens in/).waitFor({ timeout: 60_000 });
  const said = await answer.innerText();
  assert.match(said, /\w+ \w+ \w+/);
  const [, first, all] = /first after ([\d,]+) ms · all after ([\d,]+) ms/.exec(said) ?? [];
  const ms = (text = '') => Number(text.replaceAll(',', ''));
  assert.ok(ms(first) > 0 && ms(first) < ms(all), `the first token came before the last: ${said}`);
  await screenshot(page, 'chat-answer');
});

test('UI-1: none of it logged an error, broke the content policy, or asked another origin', () => {
  // refusals that the journeys provoked are logged by the browser itself
  const problems = problemsOf(page).filter((problem) => !/status of (4\d\d)/.test(problem));
  assert.deepEqual(problems, []);
});
