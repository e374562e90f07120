// Columns that hold other objects: one (1:1), or several (1:N).

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { Backendless, fails, makeFamily, makeTable, newTable, query, saveAll, send } from './sdk.mjs';

const { Data, LoadRelationsQueryBuilder } = Backendless;

const names = objects => objects.map(({ name }) => name).sort();

/** A parent, and four children: Kim, Lou, Max and Nat, who are 1 to 4. */
async function family() {
  const { Parents, Children, ...tables } = await makeFamily();
  const parent = await Parents.save({ name: 'Ann' });
  const children = await saveAll(Children, ['Kim', 'Lou', 'Max', 'Nat'].map((name, n) => ({ name, age: n + 1 })));
  const load = async (column = 'friends', settings = {}) =>
    Parents.loadRelations(parent, loading(column, settings));
  return { ...tables, Parents, Children, parent, children, load };
}

function loading(column, settings = {}) {
  const builder = LoadRelationsQueryBuilder.create().setRelationName(column);
  for (const [name, value] of Object.entries(settings)) builder[`set${name[0].toUpperCase()}${name.slice(1)}`](value);
  return builder;
}

describe('of several', () => {
  test('added by their ids, or as objects: it answers how many', async () => {
    const { Parents, parent, children: [kim, lou, max], load } = await family();
    assert.equal(await Parents.addRelation(parent, 'friends', [kim]), 1);
    assert.equal(await Parents.addRelation(parent.objectId, 'friends', [lou.objectId, max.objectId]), 2);
    assert.deepEqual(names(await load()), ['Kim', 'Lou', 'Max']);
  });

  test('added again they are there once', async () => {
    const { Parents, parent, children: [kim], load } = await family();
    await Parents.addRelation(parent, 'friends', [kim]);
    await Parents.addRelation(parent, 'friends', [kim]);
    assert.deepEqual(names(await load()), ['Kim']);
  });

  test('set, they are all there is', async () => {
    const { Parents, parent, children: [kim, lou, max], load } = await family();
    await Parents.addRelation(parent, 'friends', [kim]);
    assert.equal(await Parents.setRelation(parent, 'friends', [lou, max]), 2);
    assert.deepEqual(names(await load()), ['Lou', 'Max']);
    assert.equal(await Parents.setRelation(parent, 'friends', []), 0);
    assert.deepEqual(await load(), []);
  });

  test('deleted, they are no longer related, but still there', async () => {
    const { Parents, Children, parent, children, load } = await family();
    await Parents.setRelation(parent, 'friends', children);
    assert.equal(await Parents.deleteRelation(parent, 'friends', children.slice(0, 3)), 3);
    assert.deepEqual(names(await load()), ['Nat']);
    assert.equal(await Parents.deleteRelation(parent, 'friends', [children[0]]), 0);
    assert.equal(await Children.getObjectCount(), 4);
  });

  test('by a condition', async () => {
    const { Parents, parent, load } = await family();
    assert.equal(await Parents.addRelation(parent, 'friends', 'age > 2'), 2);
    assert.deepEqual(names(await load()), ['Max', 'Nat']);
    assert.equal(await Parents.setRelation(parent, 'friends', "age <= 2 or name = 'Nat'"), 3);
    assert.deepEqual(names(await load()), ['Kim', 'Lou', 'Nat']);
    assert.equal(await Parents.deleteRelation(parent, 'friends', "name like 'K%'"), 1);
    assert.deepEqual(names(await load()), ['Lou', 'Nat']);
    assert.equal(await Parents.deleteRelation(parent, 'friends', "name = 'nobody'"), 0);
    assert.equal(await Parents.setRelation(parent, 'friends', "name = 'nobody'"), 0);
    assert.deepEqual(await load(), []);
  });

  test('an id of nothing is passed over', async () => {
    const { Parents, parent, children: [kim], load } = await family();
    assert.equal(await Parents.addRelation(parent, 'friends', ['nobody', kim.objectId]), 1);
    assert.deepEqual(names(await load()), ['Kim']);
  });

  test('a child that was removed is related to nobody', async () => {
    const { Parents, Children, parent, children, load } = await family();
    await Parents.setRelation(parent, 'friends', children);
    await Parents.setRelation(parent, 'friend', [children[0]]);
    await Children.remove(children[0]);
    assert.deepEqual(names(await load()), ['Lou', 'Max', 'Nat']);
    assert.equal((await Parents.findById(parent.objectId, query({ related: ['friend'] }))).friend, null);
  });
});

describe('of one', () => {
  test('set and added it replaces the one that was there', async () => {
    const { Parents, parent, children: [kim, lou], load } = await family();
    assert.equal(await Parents.setRelation(parent, 'friend', [kim]), 1);
    assert.equal((await load('friend')).name, 'Kim');
    assert.equal(await Parents.addRelation(parent, 'friend', [lou]), 1);
    assert.equal((await load('friend')).name, 'Lou');
    assert.equal(await Parents.setRelation(parent, 'friend', "name = 'Max'"), 1);
    assert.equal((await load('friend')).name, 'Max');
  });

  test('deleted there is none', async () => {
    const { Parents, parent, children: [kim, lou] } = await family();
    await Parents.setRelation(parent, 'friend', [kim]);
    assert.equal(await Parents.deleteRelation(parent, 'friend', [lou]), 0);
    assert.equal(await Parents.deleteRelation(parent, 'friend', [kim]), 1);
    assert.equal((await Parents.findById(parent.objectId, query({ related: 'friend' }))).friend, null);
    await Parents.setRelation(parent, 'friend', [kim]);
    assert.equal(await Parents.setRelation(parent, 'friend', []), 0);
    assert.equal((await Parents.findById(parent.objectId, query({ related: 'friend' }))).friend, null);
  });

  test('it holds no two', async () => {
    const { Parents, parent, children, load } = await family();
    await Parents.setRelation(parent, 'friend', [children[0]]);
    await fails(Parents.setRelation(parent, 'friend', children), 1003, /one/);
    assert.equal((await load('friend')).name, 'Kim');
  });
});

describe('columns of relations', () => {
  test('one is made by the name of its table, for one or for several', async () => {
    const [table, children] = [newTable('Parent'), newTable('Child')];
    const store = Data.of(table);
    const parent = await store.save({ name: 'Ann' });
    const [kim, lou] = await saveAll(Data.of(children), [{ name: 'Kim' }, { name: 'Lou' }]);
    assert.equal(await store.setRelation(parent, `friends:${children}:n`, [kim, lou]), 2);
    assert.equal(await store.setRelation(parent, `friend:${children}:1`, [kim]), 1);
    const found = await store.findById(parent.objectId, query({ related: ['friend', 'friends'] }));
    assert.deepEqual([found.friend.name, names(found.friends)], ['Kim', ['Kim', 'Lou']]);
    const columns = Object.fromEntries((await Data.describe(table)).map(column => [column.name, column]));
    assert.deepEqual([columns.friend.type, columns.friend.relatedTable], ['RELATION', children]);
    assert.deepEqual([columns.friends.type, columns.friends.relatedTable], ['RELATION_LIST', children]);
    assert.equal(await store.addRelation(parent, `friends:${children}:n`, [kim]), 0);
  });

  test('one that is not there, or is none, is refused', async () => {
    const { Parents, parent, children: [kim] } = await family();
    const nothing = `Column 'nothing' does not exist in table '${Parents.className}'`;
    await fails(Parents.setRelation(parent, 'nothing', [kim]), 1054, nothing);
    await fails(Parents.loadRelations(parent, loading('nothing')), 1054, nothing);
    await fails(Parents.setRelation(parent, 'name', [kim]), 1054);
    await fails(Parents.find(query({ related: ['nothing'] })), 1054, nothing);
    await fails(Parents.find(query({ related: ['friend.nothing'] })), 1054);
  });

  test('a parent that is not there is not found', async () => {
    const { Parents, children: [kim] } = await family();
    for (const call of [
      () => Parents.setRelation('nobody', 'friends', [kim]),
      () => Parents.addRelation('nobody', 'friend', [kim]),
      () => Parents.deleteRelation('nobody', 'friends', 'age > 0'),
      () => Parents.loadRelations('nobody', loading('friends')),
    ]) {
      await fails(call(), 1000, 'Entity with ID nobody not found');
    }
  });

  test('a condition that is none is refused', async () => {
    const { Parents, parent } = await family();
    await fails(Parents.setRelation(parent, 'friends', 'nothing = 1'), 1054);
    await fails(Parents.setRelation(parent, 'friends', 'age >'), 1017);
    await fails(send('post', `/data/${Parents.className}/${parent.objectId}/friends`, undefined), 8000, /where/);
  });

  test('a save leaves them as they are', async () => {
    const { Parents, parent, children: [kim, lou], load } = await family();
    await Parents.setRelation(parent, 'friend', [kim]);
    await Parents.setRelation(parent, 'friends', [kim, lou]);
    const found = await Parents.findById(parent.objectId, query({ related: ['friend', 'friends'] }));
    await Parents.save({ ...found, name: 'Eve', friend: null, friends: [] });
    assert.equal((await load('friend')).name, 'Kim');
    assert.deepEqual(names(await load()), ['Kim', 'Lou']);
  });

  test('the parent is changed with them', async () => {
    const { Parents, parent, children: [kim] } = await family();
    assert.equal(parent.updated, null);
    await Parents.addRelation(parent, 'friends', [kim]);
    assert.equal((await Parents.findById(parent.objectId)).name, 'Ann');
  });
});

describe('loading', () => {
  let it;
  before(async () => {
    it = await family();
    await it.Parents.setRelation(it.parent, 'friends', it.children);
    await it.Parents.setRelation(it.parent, 'friend', [it.children[1]]);
  });

  test('some, in an order, by pages', async () => {
    const { load } = it;
    const ages = objects => objects.map(({ age }) => age);
    assert.deepEqual(ages(await load('friends', { sortBy: ['age desc'] })), [4, 3, 2, 1]);
    assert.deepEqual(ages(await load('friends', { sortBy: 'age', pageSize: 2, offset: 1 })), [2, 3]);
    assert.deepEqual(ages(await load('friends', { sortBy: 'age', whereClause: "age > 1 and name like '%a%'" })), [3, 4]);
    assert.deepEqual(await load('friends', { offset: 10 }), []);
  });

  test('with some properties', async () => {
    const { load, Children } = it;
    assert.deepEqual(await load('friends', { sortBy: 'age', pageSize: 1, properties: ['name'] }), [{ ___class: Children.className, name: 'Kim' }]);
    const builder = loading('friends', { sortBy: 'age', pageSize: 1 }).excludeProperties('age');
    const [first] = await it.Parents.loadRelations(it.parent, builder);
    assert.deepEqual([first.name, 'age' in first], ['Kim', false]);
  });

  test('as instances of a class', async () => {
    class Friend {}
    const builder = LoadRelationsQueryBuilder.of(Friend).setRelationName('friends').setSortBy('age');
    const [first] = await it.Parents.loadRelations(it.parent, builder);
    assert.ok(first instanceof Friend);
    assert.deepEqual(first.name, 'Kim');
  });

  test('the one of a column for one', async () => {
    assert.deepEqual(await it.load('friend'), await it.Children.findById(it.children[1].objectId));
  });

  test('a page has ten, and at most a hundred', async () => {
    const { Parents, Children } = await makeFamily();
    const parent = await Parents.save({ name: 'Ann' });
    await Children.bulkCreate(Array.from({ length: 30 }, (_, n) => ({ age: n })));
    assert.equal(await Parents.setRelation(parent, 'friends', '1=1'), 30);
    assert.equal((await Parents.loadRelations(parent, loading('friends'))).length, 10);
    assert.equal((await Parents.loadRelations(parent, loading('friends', { pageSize: 100 }))).length, 30);
    await fails(Parents.loadRelations(parent, loading('friends', { pageSize: 101 })), 1025);
    const [found] = await Parents.find(query({ related: ['friends'] }));
    assert.equal(found.friends.length, 10);
    const [more] = await Parents.find(query({ related: ['friends'], relationsPageSize: 25 }));
    assert.equal(more.friends.length, 25);
    assert.equal((await Parents.findById(parent.objectId, query({ related: ['friends'], relationsPageSize: 3 }))).friends.length, 3);
    assert.equal((await Parents.findFirst(query({ related: ['friends'], relationsPageSize: 4 }))).friends.length, 4);
    assert.equal((await Parents.findLast(query({ related: ['friends'], relationsPageSize: 5 }))).friends.length, 5);
    assert.equal(await Parents.getObjectCount('friends.age >= 0'), 1);
    await fails(Parents.find(query({ related: ['friends'], relationsPageSize: 101 })), 1025);
  });

  test('by the ways of Swift and of SDK 3', async () => {
    const { Parents, parent } = it;
    const path = `/data/${Parents.className}`;
    const page = await send('post', `${path}/${parent.objectId}/friends/load`, { pageSize: 2, sortBy: 'age' });
    assert.deepEqual(page.map(({ age }) => age), [1, 2]);
    const whole = await send('put', `${path}/relations?loadRelations=friend`, { objectId: parent.objectId });
    assert.equal(whole.friend.name, 'Lou');
  });
});

describe('in what a query finds', () => {
  let stores;
  let ids;
  before(async () => {
    // a tree: town -> houses -> rooms, and each room has an owner
    const owners = await makeTable({ name: 'STRING' }, newTable('Owner'));
    const rooms = await makeTable({ name: 'STRING', owner: ['RELATION', owners] }, newTable('Room'));
    const houses = await makeTable({ name: 'STRING', rooms: ['RELATION_LIST', rooms], best: ['RELATION', rooms] }, newTable('House'));
    const towns = await makeTable({ name: 'STRING', houses: ['RELATION_LIST', houses] }, newTable('Town'));
    const [Owners, Rooms, Houses, Towns] = [owners, rooms, houses, towns].map(table => Data.of(table));
    stores = { Owners, Rooms, Houses, Towns };
    const [owner, room, other, house, empty, town, desert] = [
      await Owners.save({ name: 'Ann' }),
      await Rooms.save({ name: 'kitchen' }),
      await Rooms.save({ name: 'bath' }),
      await Houses.save({ name: 'castle' }),
      await Houses.save({ name: 'hut' }),
      await Towns.save({ name: 'Rome' }),
      await Towns.save({ name: 'Nowhere' }),
    ];
    await Rooms.setRelation(room, 'owner', [owner]);
    await Houses.setRelation(house, 'rooms', [room, other]);
    await Houses.setRelation(house, 'best', [room]);
    await Towns.setRelation(town, 'houses', [house, empty]);
    ids = { town, desert, house };
  });
  const findTown = settings => stores.Towns.findById(ids.town.objectId, query(settings));
  const named = (objects, name) => objects.find(object => object.name === name);

  test('they are not there, unless they are asked for', async () => {
    const [first] = await stores.Towns.find();
    assert.equal('houses' in first, false);
    assert.equal('houses' in (await findTown()), false);
    const none = await stores.Towns.find(query({ relationsDepth: 0 }));
    assert.equal('houses' in none[0], false);
  });

  test('by name', async () => {
    const town = await findTown({ related: ['houses'] });
    assert.deepEqual(names(town.houses), ['castle', 'hut']);
    assert.equal('rooms' in town.houses[0], false);
    assert.equal(town.houses[0].___class, stores.Houses.className);
    assert.ok(named(town.houses, 'castle').created);
  });

  test('what is empty is null, or no objects', async () => {
    const desert = await stores.Towns.findById(ids.desert.objectId, query({ related: ['houses'] }));
    assert.deepEqual(desert.houses, []);
    const hut = await stores.Houses.findFirst(query({ whereClause: "name = 'hut'", related: ['rooms', 'best'] }));
    assert.deepEqual([hut.rooms, hut.best], [[], null]);
  });

  test('by a path', async () => {
    const town = await findTown({ related: ['houses.rooms.owner', 'houses.best'] });
    const castle = named(town.houses, 'castle');
    assert.equal(named(castle.rooms, 'kitchen').owner.name, 'Ann');
    assert.equal(named(castle.rooms, 'bath').owner, null);
    assert.equal(castle.best.name, 'kitchen');
    assert.equal('owner' in castle.best, false);
    assert.deepEqual(named(town.houses, 'hut').rooms, []);
  });

  test('by depth', async () => {
    const one = await findTown({ relationsDepth: 1 });
    assert.deepEqual(names(one.houses), ['castle', 'hut']);
    assert.equal('rooms' in one.houses[0], false);
    const two = await findTown({ relationsDepth: 2 });
    const castle = named(two.houses, 'castle');
    assert.deepEqual(names(castle.rooms), ['bath', 'kitchen']);
    assert.equal('owner' in castle.rooms[0], false);
    const [three] = await stores.Towns.find(query({ relationsDepth: 3, whereClause: "name = 'Rome'" }));
    assert.equal(named(named(three.houses, 'castle').rooms, 'kitchen').owner.name, 'Ann');
    await fails(findTown({ relationsDepth: 100 }), 1017);
  });

  test('all of them', async () => {
    for (const related of ['*', []]) {
      const town = await findTown({ related });
      assert.deepEqual(names(town.houses), ['castle', 'hut']);
    }
    const [house] = await stores.Houses.find(query({ related: ['*'], whereClause: "name = 'castle'" }));
    assert.deepEqual([names(house.rooms), house.best.name], [['bath', 'kitchen'], 'kitchen']);
  });

  test('beside a projection', async () => {
    const [town] = await stores.Towns.find(query({ properties: ['name'], related: ['houses'], whereClause: "name = 'Rome'" }));
    assert.deepEqual(Object.keys(town).sort(), ['___class', 'houses', 'name']);
    assert.deepEqual(names(town.houses), ['castle', 'hut']);
  });

  test('while one of them is loaded', async () => {
    const [castle] = await stores.Towns.loadRelations(
      ids.town,
      loading('houses', { whereClause: "name = 'castle'", related: ['rooms.owner'] })
    );
    assert.equal(named(castle.rooms, 'kitchen').owner.name, 'Ann');
    const [deep] = await stores.Towns.loadRelations(ids.town, loading('houses', { whereClause: "name = 'castle'", relationsDepth: 1 }));
    assert.equal(deep.best.name, 'kitchen');
  });
});
