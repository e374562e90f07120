// Many objects with one request.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backendless, another, fails, loggedIn, makeTable, newEmail, newTable, query, send } from './sdk.mjs';

const { Data } = Backendless;
const range = count => Array.from({ length: count }, (_, n) => n);
const sorted = async (store, sortBy = 'n') => store.find(query({ sortBy, pageSize: 100 }));

test('made, they have ids in the order in which they were sent', async () => {
  const store = Data.of(newTable());
  const ids = await store.bulkCreate(range(50).map(n => ({ n, name: `name ${n}` })));
  const found = await sorted(store);
  assert.deepEqual(found.map(({ objectId }) => objectId), ids);
  assert.deepEqual(found.map(({ n }) => n), range(50));
  assert.deepEqual([found[0].name, found[0].updated, found[0].___class], ['name 0', null, store.className]);
});

test('with ids of the client’s own, and without anything', async () => {
  const store = Data.of(newTable());
  const ids = await store.bulkCreate([{ objectId: 'mine', n: 1 }, {}]);
  assert.equal(ids[0], 'mine');
  assert.deepEqual((await sorted(store)).map(({ n }) => n), [null, 1]);
  assert.deepEqual(await store.bulkCreate([]), []);
});

test('an id that is taken fails, and nothing is made', async () => {
  const store = Data.of(newTable());
  await store.save({ objectId: 'mine', n: 1 }, true);
  await fails(store.bulkCreate([{ n: 2 }, { objectId: 'mine', n: 3 }]), 1062);
  assert.equal(await store.getObjectCount(), 1);
});

test('a wrong value among them fails all', async () => {
  const store = Data.of(await makeTable({ n: 'INT' }));
  await fails(store.bulkCreate([{ n: 1 }, { n: 'two' }]), 1002, /properties - n/);
  assert.equal(await store.getObjectCount(), 0);
});

test('dates are texts here, as the SDK writes them, and dates there', async () => {
  const store = Data.of(await makeTable({ at: 'DATETIME', n: 'INT' }));
  const at = new Date('2024-01-02T03:04:05.678Z');
  await store.bulkCreate([{ at, n: 1 }, { at: at.getTime(), n: 2 }]);
  assert.deepEqual((await sorted(store)).map(one => one.at), [at.getTime(), at.getTime()]);
  const later = new Date(at.getTime() + 1);
  assert.equal(await store.bulkUpdate('n = 1', { at: later }), 1);
  assert.deepEqual((await sorted(store)).map(one => one.at), [later.getTime(), at.getTime()]);
});

test('upserted, they are changed or made', async () => {
  const store = Data.of(newTable());
  await store.bulkCreate([{ objectId: 'a', n: 1, name: 'one' }]);
  const ids = await store.bulkUpsert([{ objectId: 'b', n: 2 }, { objectId: 'a', n: 10 }, { n: 3 }]);
  assert.deepEqual(ids.slice(0, 2), ['b', 'a']);
  assert.deepEqual((await sorted(store)).map(({ n, name }) => [n, name]), [[2, null], [3, null], [10, 'one']]);
  assert.ok((await store.findById('a')).updated);
});

test('changed by a condition: it answers how many', async () => {
  const store = Data.of(newTable());
  await store.bulkCreate(range(20).map(n => ({ n, name: "O'Neil" })));
  assert.equal(await store.bulkUpdate("n >= 5 and name = 'O''Neil'", { name: 'new', more: true }), 15);
  assert.equal(await store.getObjectCount("name = 'new' and more = true and updated is not null"), 15);
  assert.equal(await store.bulkUpdate('n > 100', { name: 'newer' }), 0);
  assert.equal(await store.bulkUpdate('n < 2', { n: new Backendless.Expression('n + 100') }), 2);
  assert.deepEqual((await sorted(store, 'n desc')).slice(0, 2).map(({ n }) => n), [101, 100]);
});

test('every one of a thousand', async () => {
  const store = Data.of(newTable());
  for (const part of range(10)) await store.bulkCreate(range(100).map(n => ({ n: part * 100 + n })));
  assert.equal(await store.bulkUpdate('1=1', { done: true }), 1000);
  assert.equal(await store.bulkDelete('done = true and n >= 500'), 500);
  assert.equal(await store.getObjectCount(), 500);
});

test('deleted by a condition, by ids, and as objects', async () => {
  const store = Data.of(newTable());
  const ids = await store.bulkCreate(range(10).map(n => ({ n })));
  assert.equal(await store.bulkDelete('n < 2'), 2);
  assert.equal(await store.bulkDelete([ids[2], ids[3], 'nobody']), 2);
  assert.equal(await store.bulkDelete((await sorted(store)).slice(0, 2)), 2);
  assert.deepEqual((await sorted(store)).map(({ n }) => n), [6, 7, 8, 9]);
  assert.equal(await store.bulkDelete('objectId is not null'), 4);
  assert.equal(await store.getObjectCount(), 0);
});

test('through relations', async () => {
  const [children, parents] = [newTable('Child'), newTable('Parent')];
  const [Children, Parents] = [Data.of(children), Data.of(parents)];
  const ids = await Children.bulkCreate(range(4).map(n => ({ n })));
  const parent = await Parents.save({ name: 'Ann' });
  await Parents.setRelation(parent, `friends:${children}:n`, ids.slice(0, 2));
  assert.equal(await Children.bulkUpdate(`${parents}[friends].name = 'Ann'`, { name: 'friend' }), 2);
  assert.equal(await Parents.bulkUpdate('friends.n = 1', { name: 'Eve' }), 1);
  assert.equal(await Children.bulkDelete(`${parents}[friends].name = 'Eve'`), 2);
  assert.deepEqual((await sorted(Children)).map(({ n }) => n), [2, 3]);
});

test('a condition must be one', async () => {
  const store = Data.of(newTable());
  await store.bulkCreate([{ n: 1 }]);
  await fails(store.bulkUpdate('nothing = 1', { n: 2 }), 1054);
  await fails(store.bulkDelete('n >'), 1017);
  await fails(send('post', `/data/bulk/${store.className}/delete`, { where: '' }), 8000, /where/);
  await fails(send('post', `/data/bulk/${store.className}/delete`, {}), 8000, /where/);
  await fails(send('put', `/data/bulk/${store.className}`, { n: 2 }), 8000, /where/);
  assert.equal((await store.findFirst()).n, 1);
});

test('more than there may be at once is refused', async () => {
  const store = Data.of(newTable());
  await store.bulkCreate([{ n: 0 }]);
  await assert.rejects(store.bulkCreate(range(20_000).map(n => ({ n }))), error => error.code > 0 && error.status < 500);
  assert.equal(await store.getObjectCount(), 1);
});

test('what somebody else may not touch is passed over', async () => {
  const { sdk, user } = await loggedIn();
  const table = newTable();
  await sdk.Data.of(table).bulkCreate([{ n: 1 }, { n: 2 }]);
  assert.deepEqual((await sorted(Data.of(table))).map(({ ownerId }) => ownerId), [user.objectId, user.objectId]);
  assert.equal(await another().Data.of(table).getObjectCount(), 2);
});

test('users, who can then log in', async () => {
  const [one, other] = [newEmail(), newEmail()];
  const ids = await Data.of('Users').bulkCreate([
    { email: one, password: 'secret', name: 'Ann' },
    { email: other, password: 'secret', name: 'Bob' },
  ]);
  const user = await another().UserService.login(other, 'secret');
  assert.deepEqual([user.objectId, user.name], [ids[1], 'Bob']);
});
