// What somebody does in Parse's dashboard who looks after an application, in a browser: it logs in, and browses, edits
// and adds. The steps are found by what stands on the page, as the names of its styles change with each version.

import { createRequire } from 'node:module';

import puppeteer from 'puppeteer-core';

const AV = createRequire(new URL('../sdk/package.json', import.meta.url))('leancloud-storage');

const { GATEWAY_URL, DASHBOARD_URL, CHROMIUM, SCREENSHOTS, PASSWORD } = process.env;
const SECONDS = 1000;
const ROW = '#browser-table div:has(> span > input[type=checkbox])';

const check = (condition, message) => {
  if (!condition) throw new Error(message);
};

AV.init({ appId: 'demo', appKey: 'demo-key', masterKey: 'demo-master', serverURL: GATEWAY_URL });

/** The objects of a class, as an application of LeanCloud's has them. */
const books = async () => (await new AV.Query('Book').ascending('year').find()).map(book => book.toJSON());
/** What is read, once it is as it should be, or when that has taken too long. The page shows an edit before it is saved. */
const until = async (read, isDone) => {
  const end = Date.now() + 60 * SECONDS;
  let found = await read();
  while (!isDone(found) && Date.now() < end) {
    await new Promise(resolve => setTimeout(resolve, 50));
    found = await read();
  }
  return found;
};
for (const [title, year] of [
  ['Emma', 1815],
  ['Middlemarch', 1871],
  ['Dubliners', 1914],
]) {
  await new AV.Object('Book', { title, year, tags: ['classic'], bought: new Date('2024-01-02T03:04:05Z') }).save();
}
await AV.User.signUp('ann', 'secret');
await fetch(`${GATEWAY_URL}/parse/config`, {
  method: 'PUT',
  headers: { 'X-Parse-Application-Id': 'demo', 'X-Parse-Master-Key': 'demo-master' },
  body: JSON.stringify({ params: { greeting: 'hello' } }),
});

const browser = await puppeteer.launch({
  executablePath: CHROMIUM,
  // fonts that it asks the internet for are not there
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
});
const failures = [];
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60 * SECONDS);
  await page.setViewport({ width: 1400, height: 800 });
  page.on('pageerror', error => failures.push(`the page failed: ${error.message}`));
  page.on('response', response => {
    // a release that there is none of: the dashboard looks, and goes on without
    if (response.url().startsWith(GATEWAY_URL) && response.status() >= 400 && !response.url().includes('/releases/')) {
      failures.push(`${response.status()} ${response.url()} ${response.request().postData()?.slice(0, 200)}`);
    }
  });

  const shows = (...texts) =>
    page.waitForFunction(wanted => wanted.every(text => document.body.innerText.includes(text)), {}, texts);
  const open = path => page.goto(`${DASHBOARD_URL}/apps/Library/${path}`, { waitUntil: 'domcontentloaded' });
  const shoot = name => page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
  const press = async text => {
    const found = await page.waitForFunction(
      wanted => [...document.querySelectorAll('button, a')].find(one => one.innerText.trim() === wanted),
      {},
      text
    );
    await found.click();
  };
  /** Of the rows of the table, which begin with a box to tick. */
  const cell = async (row, column) => {
    const rows = await page.$$(ROW);
    return (await rows[row].$$(':scope > span'))[column];
  };
  /** Double-clicks a cell, types over what it has, and leaves it. */
  const edit = async (row, column, text) => {
    await (await cell(row, column)).click({ count: 2 });
    const editor = await page.waitForSelector('#browser-table input:not([type=checkbox]), #browser-table textarea');
    await editor.click({ count: 3 });
    await editor.type(text);
    await page.keyboard.press('Enter');
  };

  await page.goto(`${DASHBOARD_URL}/login`, { waitUntil: 'domcontentloaded' });
  await (await page.waitForSelector('input[name=username]')).type('admin');
  await page.type('input[name=password]', PASSWORD);
  await Promise.all([page.waitForNavigation({ waitUntil: 'domcontentloaded' }), page.keyboard.press('Enter')]);
  await shows('Library');

  await open('browser/Book');
  await shows('Emma', 'Middlemarch', 'Dubliners', '1871', '3 objects', '_User', '_Role', '_Session', '_Installation');
  await shoot('rows');
  const columns = await page.$$eval('#browser-table [draggable=true]', all => all.map(one => one.innerText.split('\n')[0]));
  const title = columns.indexOf('title') + 1;
  check(title > 0, `no column of titles among ${columns}`);

  const before = await books();
  const shown = await page.$$eval(
    ROW,
    (rows, at) => rows.map(row => row.querySelectorAll(':scope > span')[at].innerText),
    title
  );
  check(shown.includes('Middlemarch'), `no Middlemarch among ${shown}`);
  await edit(shown.indexOf('Middlemarch'), title, 'Daniel Deronda');
  await shows('Daniel Deronda');
  const after = await until(books, all => all[1].title !== before[1].title);
  await shoot('edited');
  check(after[1].title === 'Daniel Deronda', `the title is ${after[1].title}`);
  check(after[1].objectId === before[1].objectId && after[1].year === 1871, 'another object was changed');
  check(after[0].title === 'Emma' && after[2].title === 'Dubliners', 'more was changed than one title');

  await press('Add Row');
  await edit(0, title, 'Ulysses');
  await edit(0, columns.indexOf('year') + 1, '1922');
  await press('Add');
  await shows('4 objects', 'Ulysses', '1922');
  const added = (await until(books, all => all.length === 4)).find(book => book.title === 'Ulysses');
  check(added?.year === 1922, `what was added is ${JSON.stringify(added)}`);
  await shoot('added');

  await open('browser/_User');
  await shows('ann', 'username', 'emailVerified');

  await press('Create a class');
  await (await page.waitForSelector('input[placeholder*="name" i]')).type('Shelf');
  await shoot('class');
  await press('Create');
  await page.waitForFunction(() => location.pathname.endsWith('/browser/Shelf'));
  await shows('Shelf', '0 objects');
  await shoot('created');
  check((await new AV.Query('Shelf').count()) === 0, 'a new class has objects');

  for (const [name, text] of [
    ['Config', 'greeting'],
    ['Logs', 'Info'],
    ['Webhooks', 'Webhook'],
    ['Jobs', 'Job'],
  ]) {
    await press(name);
    await shows(text);
    await shoot(name.toLowerCase());
  }
} catch (error) {
  await (await browser.pages()).at(-1).screenshot({ path: `${SCREENSHOTS}/failed.png` });
  throw error;
} finally {
  await browser.close();
}
check(failures.length === 0, failures.join('\n'));
console.log('done');
