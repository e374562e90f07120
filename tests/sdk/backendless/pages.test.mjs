// SDK 3 finds pages: each tells how many objects there are in all, and how to ask for the next one.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import Backendless3 from 'backendless3';

import * as target from '../target.mjs';
import { Backendless, newTable, saveAll } from './sdk.mjs';

const { appId, apiKey, serverURL } = target.backendless;

const ages = objects => objects.map(({ age }) => age);
const told = call => new Promise((done, fail) => call(new Backendless3.Async(done, fail)));
const table = newTable('Paged');

/** What the SDK's query for this finds. */
function find(options, condition) {
  const query = new Backendless3.DataQuery();
  Object.assign(query, { options, condition });
  return told(async => Backendless3.Persistence.of(table).find(query, async));
}

before(async () => {
  Backendless3.serverURL = serverURL;
  Backendless3.initApp(appId, apiKey, 'v1');
  await saveAll(Backendless.Data.of(table), [1, 2, 3, 4, 5].map(age => ({ age, name: `n & ${age}` })));
});

test('pages follow each other to the last one', async () => {
  const first = await find({ pageSize: 2, sortBy: 'age' }, "name like 'n & %'");
  assert.deepEqual([first.offset, ages(first.data), first.totalObjects], [0, [1, 2], 5]);
  const second = await told(async => first.nextPage(async));
  assert.deepEqual([second.offset, ages(second.data), second.totalObjects], [2, [3, 4], 5]);
  const third = await told(async => second.nextPage(async));
  assert.deepEqual([third.offset, ages(third.data), third.totalObjects], [4, [5], 5]);
  assert.equal(third.nextPage, null);
  const there = await told(async => first.getPage(3, 2, async));
  assert.deepEqual([there.offset, ages(there.data)], [3, [4, 5]]);
});

test('all of them count that fit, and not more', async () => {
  const found = await find({ pageSize: 2, sortBy: 'age desc' }, 'age > 2');
  assert.deepEqual([ages(found.data), found.totalObjects], [[5, 4], 3]);
  const none = await find({}, 'age > 100');
  assert.deepEqual([none.offset, none.data, none.totalObjects, none.nextPage], [0, [], 0, null]);
  const beyond = await find({ offset: 10 });
  assert.deepEqual([beyond.offset, beyond.data, beyond.totalObjects, beyond.nextPage], [10, [], 5, null]);
});

test('one object is no page', async () => {
  const object = await told(async => Backendless3.Persistence.of(table).findFirst(async));
  assert.equal(typeof object.age, 'number');
  const again = await told(async => Backendless3.Persistence.of(table).findById(object.objectId, async));
  assert.equal(again.age, object.age);
});

test('what is wrong with a query is told', async () => {
  await assert.rejects(find({}, 'age >'), error => error.code === 1017);
});
