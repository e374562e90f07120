// Searches of texts with AV.SearchQuery. LeanCloud's guide of full-text search, "REST API"; the SDK's search.js.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, make, makeAll, master, send, signUp } from './sdk.mjs';

const inOrder = list => [...list].sort();
const className = newClass('Song');

const SONGS = [
  { title: 'Hello World', text: 'a quick brown fox', year: 2001 },
  { title: '夜空中最亮的星', artist: '逃跑计划', year: 2011 },
  { title: 'Bad Romance', artist: 'Lady Gaga', tags: ['pop', 'dance floor'], year: 2009 },
  { title: 'Gaga over a lady', year: 1999 },
  { title: 'Café del Mar', text: 'hello and hello again' },
];

before(() => makeAll(className, SONGS));

const search = q => new AV.SearchQuery(className).queryString(q);
const titles = async query => inOrder((await query.find()).map(song => song.get('title')));

const FINDS = {
  'one word': ['dance', ['Bad Romance']],
  'one of several words': ['fox dance', ['Bad Romance', 'Hello World']],
  'any case, any accent': ['CAFE', ['Café del Mar']],
  'a word of two Chinese characters': ['计划', ['夜空中最亮的星']],
  'a phrase': ['"lady gaga"', ['Bad Romance']],
  'of one field': ['title:gaga', ['Gaga over a lady']],
  'a phrase of one field': ['artist:"逃跑计划"', ['夜空中最亮的星']],
  'several in one field': ['artist:(逃跑计划 OR lady)', ['Bad Romance', '夜空中最亮的星']],
  'AND': ['hello AND fox', ['Hello World']],
  'brackets': ['(romance OR world) AND hello', ['Hello World']],
  'what must and what must not be there': ['+hello -fox', ['Café del Mar']],
  'NOT': ['hello NOT again', ['Hello World']],
  'how a word begins': ['rom*', ['Bad Romance']],
  'what has a field': ['_exists_:tags', ['Bad Romance']],
  'what has it not': ['_missing_:year', ['Café del Mar']],
  'everything': ['*', SONGS.map(song => song.title)],
  'nothing': ['nobody', []],
};
for (const [title, [q, expected]] of Object.entries(FINDS)) {
  test(`a search finds ${title}`, async () => {
    const query = search(q);
    assert.deepEqual(await titles(query), inOrder(expected));
    assert.equal(query.hits(), expected.length);
    assert.equal(query.hasMore(), false);
  });
}

test('what is found are objects, with no address of a page', async () => {
  const [song] = await search('romance').find();
  assert.equal(song.className, className);
  assert.equal(song.get('year'), 2009);
  assert.equal(song.appURL, null);
  assert.equal(song.get('_highlight'), null);
  await song.save({ year: 2010 });
  assert.equal((await search('romance').find())[0].get('year'), 2010);
  await song.save({ year: 2009 });
});

test('what was found is marked where it is asked for', async () => {
  const [song] = await search('dance').highlights('tags').find();
  assert.deepEqual(song.get('_highlight'), { tags: ['<em>dance</em> floor'] });
  const [other] = await search('计划').highlights(['artist', 'title']).find();
  assert.deepEqual(other.get('_highlight'), { artist: ['逃跑<em>计划</em>'] });
  const [third] = await search('fox').highlights('*').find();
  assert.deepEqual(third.get('_highlight'), { text: ['a quick brown <em>fox</em>'] });
});

test('the best match comes first, unless another order is asked for', async () => {
  const found = await search('hello').find();
  assert.equal(found.length, 2);
  assert.deepEqual((await search('hello gaga').descending('year').find()).map(song => song.get('year')), [2009, 2001, 1999, undefined]);
});

test('a sort builder says where what is missing stands', async () => {
  const years = async builder => (await search('hello gaga').sortBy(builder).find()).map(song => song.get('year'));
  assert.deepEqual(await years(new AV.SearchSortBuilder().ascending('year')), [1999, 2001, 2009, undefined]);
  assert.deepEqual(await years(new AV.SearchSortBuilder().ascending('year', 'avg', 'first')), [undefined, 1999, 2001, 2009]);
  assert.deepEqual(await years(new AV.SearchSortBuilder().descending('year', 'max', 'first')), [undefined, 2009, 2001, 1999]);
  const near = new AV.SearchSortBuilder().whereNear('at', new AV.GeoPoint(39.9, 116.4));
  await failsWith(1, search('hello').sortBy(near).find());
});

test('one query asks for page after page', async () => {
  const name = newClass('Page');
  await makeAll(name, Array.from({ length: 7 }, (_, n) => ({ title: 'word', n })));
  const query = new AV.SearchQuery(name).queryString('word').ascending('n').limit(3);
  const pages = [];
  while (query.hasMore()) pages.push((await query.find()).map(object => object.get('n')));
  assert.deepEqual(pages, [[0, 1, 2], [3, 4, 5], [6]]);
  assert.equal(query.hits(), 7);
  query.reset();
  assert.equal((await query.find()).length, 3);
  await failsWith(102, query.queryString('other').find());
});

test('some fields can be searched, and pointers included', async () => {
  const name = newClass('Book');
  const author = await make(newClass('Author'), { name: 'Ann' });
  await makeAll(name, [{ title: 'tea', by: author }, { title: 'x', body: 'tea' }]);
  const found = await send('GET', '/search/select', { query: { clazz: name, q: 'tea', fields: 'title', include: 'by' } });
  assert.equal(found.hits, 1);
  assert.equal(found.results[0].by.name, 'Ann');
  assert.deepEqual([found.results[0]._app_url, found.results[0]._deeplink, found.results[0]._highlight], [null, null, null]);
  assert.equal('sid' in found, false);
});

test('what a client may not read is not found', async () => {
  const name = newClass('Diary');
  const [ann, bob] = [await signUp(), await signUp()];
  const page = new AV.Object(name, { text: 'a secret' });
  page.setACL(new AV.ACL(ann));
  await page.save(null, { user: ann });
  const asked = user => new AV.SearchQuery(name).queryString('secret').find({ user });
  assert.equal((await asked(ann)).length, 1);
  assert.equal((await asked(bob)).length, 0);
  assert.equal((await new AV.SearchQuery(name).queryString('secret').find(master)).length, 1);
  await failsWith(403, new AV.SearchQuery('_User').queryString('ann').find());
});

test('what is written is found at once, and what is gone is not', async () => {
  const name = newClass('Note');
  const note = await make(name, { text: 'first' });
  const found = async q => (await new AV.SearchQuery(name).queryString(q).find()).length;
  assert.equal(await found('first'), 1);
  await note.save({ text: 'second' });
  assert.deepEqual([await found('first'), await found('second')], [0, 1]);
  await note.destroy();
  assert.equal(await found('second'), 0);
});

test('what a search box cannot mean here is refused in words', async () => {
  for (const q of ['qu?ck', 'quikc~', 'count:[1 TO 5]', 'age:>10', '/joh?n/', 'a^2']) await failsWith(1, search(q).find());
  for (const q of ['(a', 'a)', '"a', 'AND', 'title:']) await failsWith(102, search(q).find());
  await failsWith(102, search('a b').sid('nonsense').find());
});

test('a class that is not there has nothing in it', async () => {
  const query = new AV.SearchQuery(newClass('Nowhere')).queryString('a');
  assert.deepEqual([await query.find(), query.hits(), query.hasMore()], [[], 0, false]);
});
