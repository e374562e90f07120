// An object, saved with what it is related to: the rules and examples are those of the vendor's end-to-end suite.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backendless, fails, makeFamily, makeTable, newTable, query } from './sdk.mjs';

const { Data } = Backendless;

/** Two children with the ids 1 and 2, and the parent p, who has both as friends, and the first as its one friend. */
async function family() {
  const { Parents, Children, ...tables } = await makeFamily();
  const [one, two] = [
    await Children.save({ objectId: '1', name: 'Kim', age: 1 }, true),
    await Children.save({ objectId: '2', name: 'Lou', age: 2 }, true),
  ];
  await Parents.save({ objectId: 'p', name: 'Ann', age: 40 }, true);
  await Parents.setRelation('p', 'friends', ['1', '2']);
  await Parents.setRelation('p', 'friend', ['1']);
  const loaded = async (id = 'p') => Parents.findById(id, query({ related: ['friend', 'friends'] }));
  return { Parents, Children, one, two, loaded, ...tables };
}

const ids = objects => objects.map(({ objectId }) => objectId).sort();

test('a parent and its children are made together', async () => {
  const { Parents, Children, loaded } = await family();
  const saved = await Parents.deepSave({ name: 'Eve', friend: { name: 'Max', age: 3 }, friends: [{ name: 'Nat' }, { name: 'Ola' }] });
  assert.deepEqual([saved.name, saved.age, saved.___class], ['Eve', null, Parents.className]);
  assert.deepEqual([saved.friend.name, saved.friend.age, saved.friend.___class], ['Max', 3, Children.className]);
  // the newest first, as the vendor has it
  assert.deepEqual(saved.friends.map(({ name, age }) => [name, age]), [['Ola', null], ['Nat', null]]);
  const found = await loaded(saved.objectId);
  assert.equal(found.friend.objectId, saved.friend.objectId);
  assert.deepEqual(ids(found.friends), ids(saved.friends));
  assert.equal(await Children.getObjectCount(), 5);
});

test('a child that is there is related as it is', async () => {
  const { Parents, Children, one } = await family();
  const saved = await Parents.deepSave({ name: 'Eve', friend: { objectId: '1' } });
  assert.deepEqual(saved.friend, one);
  assert.deepEqual(await Children.findById('1'), one);
});

test('a child that is there is changed where it says so', async () => {
  const { Parents, Children, one } = await family();
  const saved = await Parents.deepSave({ objectId: 'p', friend: { objectId: '1', age: 15 } });
  assert.deepEqual([saved.friend.name, saved.friend.age], ['Kim', 15]);
  assert.ok(saved.friend.updated > one.created);
  assert.equal((await Children.findById('1')).age, 15);
});

test('those that are listed are all there is', async () => {
  const { Parents, loaded } = await family();
  const saved = await Parents.deepSave({ objectId: 'p', friends: [{ objectId: '1' }, { name: 'Jack' }] });
  assert.deepEqual(saved.friends.map(({ name }) => name), ['Jack', 'Kim']);
  const found = await loaded();
  assert.deepEqual(ids(found.friends), ids(saved.friends));
  assert.equal(found.friend.objectId, '1');
});

test('null and no objects take what is related away, and leave it where it is', async () => {
  const { Parents, Children, loaded } = await family();
  const saved = await Parents.deepSave({ objectId: 'p', age: 41, friend: null, friends: [] });
  assert.deepEqual(['friend' in saved, 'friends' in saved, saved.name, saved.age], [false, false, 'Ann', 41]);
  const found = await loaded();
  assert.deepEqual([found.friend, found.friends], [null, []]);
  assert.equal(await Children.getObjectCount(), 2);
});

test('what is not named stays related', async () => {
  const { Parents, loaded } = await family();
  const saved = await Parents.deepSave({ objectId: 'p', age: 41 });
  assert.deepEqual(['friend' in saved, saved.age], [false, 41]);
  const found = await loaded();
  assert.deepEqual([found.friend.objectId, ids(found.friends)], ['1', ['1', '2']]);
});

test('ids of the client’s own are taken, at every level', async () => {
  const { Parents, Children } = await family();
  const saved = await Parents.deepSave({ objectId: 'q', name: 'Eve', friends: [{ objectId: '9', name: 'Nine' }] });
  assert.deepEqual([saved.objectId, saved.friends[0].objectId], ['q', '9']);
  assert.equal((await Children.findById('9')).name, 'Nine');
});

test('a child that is not there, and has nothing but an id, fails, and nothing is saved', async () => {
  const { Parents, Children, loaded } = await family();
  await fails(Parents.deepSave({ objectId: 'p', name: 'Eve', friend: { name: 'new' }, friends: [{ objectId: 'nobody' }] }), 1000);
  const found = await loaded();
  assert.deepEqual([found.name, ids(found.friends)], ['Ann', ['1', '2']]);
  assert.equal(await Children.getObjectCount(), 2);
});

test('a wrong value anywhere fails all of it', async () => {
  const { Parents, Children } = await family();
  await fails(Parents.deepSave({ name: 'Eve', friends: [{ name: 'Nat' }, { age: 'old' }] }), 1002, /age/);
  assert.deepEqual([await Parents.getObjectCount(), await Children.getObjectCount()], [1, 2]);
});

test('what stands in a relation must be one object, or several', async () => {
  const { Parents } = await family();
  await fails(Parents.deepSave({ name: 'Eve', friend: 'Kim' }), 1002, /friend/);
  await fails(Parents.deepSave({ name: 'Eve', friends: { name: 'Nat' } }), 1002, /friends/);
  await fails(Parents.deepSave({ name: 'Eve', friends: ['1'] }), 1002, /friends/);
});

test('several levels, dates and JSON among them', async () => {
  const rooms = await makeTable({ name: 'STRING', at: 'DATETIME', js: 'JSON' }, newTable('Room'));
  const houses = await makeTable({ name: 'STRING', rooms: ['RELATION_LIST', rooms] }, newTable('House'));
  const towns = await makeTable({ name: 'STRING', houses: ['RELATION_LIST', houses], js: 'JSON' }, newTable('Town'));
  const at = new Date('2024-01-02T03:04:05.678Z');
  const saved = await Data.of(towns).deepSave({
    name: 'Rome',
    js: { like: { a: 'relation' } },
    houses: [{ name: 'castle', rooms: [{ name: 'kitchen', at, js: { size: [1, 2] } }] }],
  });
  assert.deepEqual(saved.js, { like: { a: 'relation' } });
  const [room] = saved.houses[0].rooms;
  assert.deepEqual([room.name, room.at, room.js], ['kitchen', at.getTime(), { size: [1, 2] }]);
  assert.deepEqual((await Data.of(rooms).findFirst()).at, at.getTime());
});

test('one object in two places is sent once, and is one', async () => {
  const { Parents, Children } = await family();
  const child = { objectId: '7', name: 'Max' };
  const saved = await Parents.deepSave({ name: 'Eve', friend: child, friends: [child] });
  assert.equal(saved.friend.objectId, '7');
  assert.deepEqual(ids(saved.friends), ['7']);
  assert.equal(await Children.getObjectCount(), 3);
});

test('an object inside itself is refused', async () => {
  const { Parents } = await family();
  const child = { name: 'Max' };
  child.friend = child;
  await fails(Parents.deepSave({ name: 'Eve', friend: child }), 1003);
});

test('a tree without relations makes a table, and columns', async () => {
  const table = newTable();
  const saved = await Data.of(table).deepSave({ name: 'Eve', age: 1 });
  assert.deepEqual([saved.name, saved.age, saved.updated], ['Eve', 1, null]);
  await fails(Data.of(table).deepSave({ name: 'Eve', nobody: { name: 'Kim' } }), 1054, /'nobody'/);
});

test('a class comes back as instances of it, where it is known', async () => {
  const { parents, children } = await makeFamily();
  class Child {}
  Data.mapTableToClass(children, Child);
  const saved = await Data.of(parents).deepSave({ name: 'Eve', friends: [{ name: 'Kim' }] });
  assert.ok(saved.friends[0] instanceof Child);
});
