// Every way to ask for objects: the where clause, projections, groups, orders and pages.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { Backendless, fails, makeFamily, makeTable, newTable, query, saveAll, send } from './sdk.mjs';

const { Data } = Backendless;
const DAY = 86_400_000;
const MARCH = Date.UTC(2015, 2, 23);

const names = objects => objects.map(({ name }) => name).sort();

describe('where', () => {
  let store;
  let made;
  before(async () => {
    store = Data.of(
      await makeTable({ name: 'STRING', age: 'INT', at: 'DATETIME', fair: 'BOOLEAN', js: 'JSON', place: 'POINT', area: 'POLYGON' })
    );
    made = await saveAll(store, [
      { name: 'Ann', age: 20, at: MARCH, fair: true, js: { age: 31, tags: ['a', 'b'], when: { date: '2015-07-29' } }, place: 'POINT(-87 30)' },
      { name: 'Bob', age: 25, at: MARCH + DAY, fair: false, js: { age: 12, tags: ['c'], city: 'Rome' }, place: 'POINT(10 50)' },
      { name: "Charlie's Angel", age: -30, at: MARCH - DAY, fair: true, js: { home: { city: 'Rome' } }, area: 'POLYGON((0 0,20 0,20 60,0 60,0 0))' },
      { name: 'Dörte_100%', age: 1.5, js: { list: [5, 6] } },
      { name: null, age: null },
    ]);
  });
  const ANN = 'Ann', BOB = 'Bob', CHARLIE = "Charlie's Angel", DORTE = 'Dörte_100%', NOBODY = null;
  const ALL = [ANN, BOB, CHARLIE, DORTE, NOBODY];

  const CASES = {
    // equality and order
    "name = 'Ann'": [ANN],
    "name='Ann'": [ANN],
    "name = 'ann'": [], // exact here, which the vendor's collation is not
    "name != 'Ann'": [BOB, CHARLIE, DORTE],
    "name <> 'Ann'": [BOB, CHARLIE, DORTE],
    "'Ann' = name": [ANN],
    "name = 'Charlie''s Angel'": [CHARLIE],
    'age >= 25': [BOB],
    'age => 25': [BOB],
    'age > 20': [BOB],
    'age < 20': [CHARLIE, DORTE],
    'age <= 20': [ANN, CHARLIE, DORTE],
    'age = -30': [CHARLIE],
    'age = 1.5': [DORTE],
    'fair = true': [ANN, CHARLIE],
    'fair = false': [BOB],
    'fair = 1': [ANN, CHARLIE],
    '`name` = \'Ann\'': [ANN],
    'age > 1 + 20': [BOB],
    'age + 5 = 25': [ANN],
    // and, or, not
    "age > 1 AND name like '%o%'": [BOB],
    "age > 1 and name = 'Ann' or name = 'Bob'": [ANN, BOB],
    "age > 1 and (name = 'Ann' OR name = 'Bob') and fair = false": [BOB],
    "not name = 'Ann'": [BOB, CHARLIE, DORTE],
    "NOT (name = 'Ann' or age > 20)": [CHARLIE, DORTE],
    'not (fair = true and age > 0)': [BOB, CHARLIE],
    "age=20 and name like 'A%'": [ANN],
    // like
    "name like 'A%'": [ANN],
    "name like '%ob'": [BOB],
    "name like '%e%'": [CHARLIE, DORTE],
    "name like 'B_b'": [BOB],
    "name LIKE 'bOB'": [BOB],
    "name like 'Bo'": [],
    "name not like '%e%'": [ANN, BOB],
    "name like '%\\_100\\%'": [DORTE],
    "age like '%5%'": [BOB, DORTE],
    // in
    "name in ('Ann', 'Bob', 'nobody')": [ANN, BOB],
    "name IN('Ann')": [ANN],
    "name not in ('Ann', 'Bob')": [CHARLIE, DORTE],
    'age in (20, 25)': [ANN, BOB],
    'age between 20 and 25': [ANN, BOB],
    // null
    'name is null': [NOBODY],
    'name is not null': [ANN, BOB, CHARLIE, DORTE],
    'objectId != null': ALL,
    'objectId is not null': ALL,
    'age = null': [NOBODY],
    'ownerId is null': ALL,
    'updated is null': ALL,
    'updated is not null': [],
    '1=1': ALL,
    '1 = 2': [],
    // dates
    [`at = ${MARCH}`]: [ANN],
    [`at > ${MARCH}`]: [BOB],
    "at >= '23-Mar-2015'": [ANN, BOB],
    "at > '03/23/2015'": [BOB],
    "at < '03/23/2015 00:00:01 GMT-0000'": [ANN, CHARLIE],
    [`at after ${MARCH}`]: [BOB],
    [`at before '2015-03-23T00:00:00.000Z'`]: [CHARLIE],
    [`at at or after '23-Mar-2015'`]: [ANN, BOB],
    [`at AT OR BEFORE ${MARCH}`]: [ANN, CHARLIE],
    [`at in (${MARCH}, '24-Mar-2015')`]: [ANN, BOB],
    "at like '%2015-03-2%'": [ANN, BOB, CHARLIE],
    "created > '23-Mar-2015'": ALL,
    "created before '23-Mar-2015'": [],
    "'23-Mar-2015' < created": ALL,
    "created between '23-Mar-2015' and '23-Mar-2095'": ALL,
    "updated > '23-Mar-2015'": [],
    // JSON
    "js->'$.age' > 30": [ANN],
    "js->'$.age' = 12": [BOB],
    "js->'$.when.date' = '2015-07-29'": [ANN],
    "js->'$.list[0]' < 6": [DORTE],
    "js->'$.tags[1]' = 'b'": [ANN],
    "js->'$.tags[*]' = 'c'": [BOB],
    "js->'$**.city' = 'Rome'": [BOB, CHARLIE],
    "js->'$.home.*' = 'Rome'": [CHARLIE],
    "js->'$.city' is null": [ANN, CHARLIE, DORTE, NOBODY],
    "js->'$.city' is not null": [BOB],
    "js->'$.city' like 'r%'": [BOB],
    "js->'$.age' in (12, 13)": [BOB],
    // places
    'GetLon(place) > 1 AND GetLat(place) < 60': [BOB],
    'GetLon(place)<-80': [ANN],
    "Within(place, 'POLYGON((0 0,20 0,20 60,0 60,0 0))') = True": [BOB],
    "Contains(area, 'POINT(10 50)') = true": [CHARLIE],
    "place = 'POINT(10 50)'": [BOB],
    'distance(30.1, -87.1, place.latitude, place.longitude) < mi(200)': [ANN],
    'distance(30.1, -87.1, place.latitude, place.longitude) >= km(200)': [BOB],
  };
  for (const [where, expected] of Object.entries(CASES)) {
    test(where, async () => {
      const builder = query({ whereClause: where });
      assert.deepEqual(names(await store.find(builder)), [...expected].sort());
      assert.equal(await store.getObjectCount(where), expected.length);
    });
  }

  test('a clause of thousands of characters', async () => {
    const where = Array.from({ length: 300 }, (_, n) => `name = 'name ${n}'`).join(' or ') + " or name = 'Bob'";
    assert.deepEqual(names(await store.find(query({ whereClause: where }))), [BOB]);
  });

  test('an empty clause asks for everything', async () => {
    assert.equal((await store.find(query({ whereClause: '' }))).length, 5);
  });

  for (const [where, code, message] of [
    ['nothing = 1', 1054, /^Column 'nothing' does not exist in table '/],
    ["nothing->'$.a' = 1", 1054, /^Column 'nothing' does not exist/],
    ['name = ', 1017, /position/],
    ["name = 'open", 1017, /position/],
    ['(name is null', 1017, /position/],
    ["name = 'a' name = 'b'", 1017, /position/],
    ['name', 1017],
    ["name = 'a'; drop table x", 1017],
    ["js->'no path' = 1", 1017],
    ["at > 'some day'", 1002],
    ["name regexp '.*'", 8006],
    ["match(name) against('a')", 8006],
    ['sleep(5) = 1', 8006, /sleep/],
    ['count(objectId) > 1', 1017],
    [`${'('.repeat(500)}1=1${')'.repeat(500)}`, 1017],
  ]) {
    test(`refused: ${where.slice(0, 40)}`, () => fails(store.find(query({ whereClause: where })), code, message));
  }
});

describe('where, through relations', () => {
  let family;
  let parents;
  before(async () => {
    const made = await makeFamily({ name: 'STRING', age: 'INT', at: 'DATETIME', js: 'JSON' });
    family = made;
    const { Parents, Children } = made;
    const [kim, lou, max] = await saveAll(Children, [
      { name: 'Kim', age: 1, at: MARCH, js: { x: 1 } },
      { name: 'Lou', age: 2, at: MARCH + DAY, js: { x: 2 } },
      { name: 'Max', age: 3 },
    ]);
    parents = await saveAll(Parents, [
      { name: 'Ann', age: 20, js: { x: 2 } },
      { name: 'Bob', age: 3 },
      { name: 'Eve', age: 40 },
    ]);
    const [ann, bob] = parents;
    await Parents.setRelation(ann, 'friend', [kim]);
    await Parents.setRelation(ann, 'friends', [kim, lou]);
    await Parents.setRelation(bob, 'friend', [lou]);
    await Parents.setRelation(bob, 'friends', [max]);
    Object.assign(family, { kim, lou, max });
  });

  for (const [where, expected] of Object.entries({
    "friend.name = 'Kim'": ['Ann'],
    "friends.name = 'Lou'": ['Ann'],
    "friends.name in ('Lou', 'Max')": ['Ann', 'Bob'],
    'friends.age > 1': ['Ann', 'Bob'],
    "friends.age > 1 and friends.name = 'Kim'": [],
    "friends.age = 1 and friends.name = 'Kim'": ['Ann'],
    "friend.name like 'K%' or age = 3": ['Ann', 'Bob'],
    "not friend.name = 'Kim'": ['Bob'],
    'friend is null': ['Eve'],
    'friend.objectId is null': ['Eve'],
    'friend is not null': ['Ann', 'Bob'],
    'friend.name is null': ['Eve'],
    'friends.objectId is null': ['Eve'],
    'friends.age is null and age > 1': ['Eve'],
    "friend.at = '23-Mar-2015'": ['Ann'],
    "friends.at after '23-Mar-2015'": ['Ann'],
    "friend.created > '23-Mar-2015'": ['Ann', 'Bob'],
    "friend.js->'$.x' = 1": ['Ann'],
    "friends.js->'$.x' = 2": ['Ann'],
    'friend.age < age': ['Ann', 'Bob'],
    'friends.age = age': ['Bob'],
  })) {
    test(where, async () => {
      assert.deepEqual(names(await family.Parents.find(query({ whereClause: where }))), expected);
      assert.equal(await family.Parents.getObjectCount(where), expected.length);
    });
  }

  test('by the object itself', async () => {
    const { Parents, kim } = family;
    assert.deepEqual(names(await Parents.find(query({ whereClause: `friend = '${kim.objectId}'` }))), ['Ann']);
    assert.deepEqual(names(await Parents.find(query({ whereClause: `friends.objectId = '${kim.objectId}'` }))), ['Ann']);
    assert.deepEqual(names(await Parents.find(query({ whereClause: `friends.objectId in ('${kim.objectId}')` }))), ['Ann']);
  });

  test('the children of a parent, by the inverted relation', async () => {
    const { Children } = family;
    const at = where => Children.find(query({ whereClause: where.replaceAll('PARENT', family.parents) }));
    assert.deepEqual(names(await at(`PARENT[friends].objectId = '${parents[0].objectId}'`)), ['Kim', 'Lou']);
    assert.deepEqual(names(await at(`PARENT[friends].objectId = '${parents[0].objectId}' and name like 'L%'`)), ['Lou']);
    assert.deepEqual(names(await at("PARENT[friend].name = 'Bob'")), ['Lou']);
    assert.deepEqual(names(await at('PARENT[friends].age > 10')), ['Kim', 'Lou']);
    assert.deepEqual(names(await at("PARENT[friends].created > '23-Mar-2015'")), ['Kim', 'Lou', 'Max']);
    assert.deepEqual(names(await at("PARENT[friends].age > 10 and PARENT[friends].name = 'Bob'")), []);
    assert.deepEqual(names(await at('PARENT[friend].objectId is null')), ['Max']);
    await fails(at('PARENT[nothing].age > 10'), 1054);
    await fails(at('PARENT[friends].nothing > 10'), 1054);
  });

  test('subqueries', async () => {
    const { Parents, Children } = family;
    const of = (store, where) =>
      store.find(query({ whereClause: where.replaceAll('PARENT', family.parents).replaceAll('CHILD', family.children) }));
    assert.deepEqual(names(await of(Children, 'objectId in (PARENT[age > 10].friend.objectId)')), ['Kim']);
    assert.deepEqual(names(await of(Children, "objectId in (PARENT[friend.name = 'Lou'].friend.objectId)")), ['Lou']);
    assert.deepEqual(names(await of(Parents, 'age in (CHILD.age)')), ['Bob']);
    assert.deepEqual(names(await of(Parents, "age not in (CHILD[name = 'Max'].age)")), ['Ann', 'Eve']);
    assert.deepEqual(names(await of(Parents, "objectId in (PARENT[created > '23-Mar-2015' and age > 10].objectId)")), ['Ann', 'Eve']);
    await fails(of(Parents, 'age in (Nowhere_at_all.age)'), 1009);
    await fails(of(Parents, 'age in (CHILD.nothing)'), 1054);
  });

  test('a path through what is no relation, or to what is not there, is refused', async () => {
    const { Parents } = family;
    await fails(Parents.find(query({ whereClause: 'nothing.age = 1' })), 1054);
    await fails(Parents.find(query({ whereClause: 'friend.nothing = 1' })), 1054);
    await fails(Parents.find(query({ whereClause: 'name.age = 1' })), 1054, /'name\.age'/);
    await fails(Parents.find(query({ sortBy: 'friends.age' })), 1017, /several/);
    await fails(Parents.find(query({ sortBy: 'friends' })), 1017, /friends/);
  });

  test('sorted by what is related', async () => {
    const { Parents } = family;
    const found = await Parents.find(query({ whereClause: 'friend is not null', sortBy: ['friend.age desc'] }));
    assert.deepEqual(found.map(({ name }) => name), ['Bob', 'Ann']);
  });

  test('related columns among the properties', async () => {
    const { Parents } = family;
    const found = await Parents.find(
      query({ properties: ['name', 'friend.name as friendName', 'friend.age'], sortBy: 'name', whereClause: 'friend is not null' })
    );
    assert.deepEqual(found.map(({ name, friendName, age }) => [name, friendName, age]), [['Ann', 'Kim', 1], ['Bob', 'Lou', 2]]);
  });
});

describe('properties', () => {
  let store;
  let objects;
  before(async () => {
    store = Data.of(await makeTable({ name: 'STRING', age: 'INT', at: 'DATETIME', js: 'JSON' }, newTable('Movie')));
    objects = await saveAll(
      store,
      Array.from({ length: 6 }, (_, n) => ({ name: `name ${n % 3}`, age: n, at: MARCH + n * 3_600_000, js: { a: { b: n } } }))
    );
  });
  const find = settings => store.find(query({ sortBy: 'created', ...settings }));

  test('only those that are named', async () => {
    const [first] = await find({ properties: ['name', 'age'] });
    assert.deepEqual(first, { ___class: store.className, name: 'name 0', age: 0 });
    const [withId] = await find({ properties: 'objectId,name' });
    assert.deepEqual(withId, { ___class: store.className, objectId: objects[0].objectId, name: 'name 0' });
  });

  test('under another name, and only under that', async () => {
    const [first] = await find({ properties: ['age as Age', 'name as `the name`'] });
    assert.deepEqual(first, { ___class: store.className, Age: 0, 'the name': 'name 0' });
  });

  test('all, and more', async () => {
    const builder = query({ sortBy: 'created' }).addAllProperties().addProperty('age as Age');
    const [first] = await store.find(builder);
    assert.deepEqual(first, { ...objects[0], Age: 0 });
    const times = await find({ properties: ['*', 'TIME(at)'] });
    assert.deepEqual(times.map(({ Time }) => Time).slice(0, 2), ['00:00:00', '01:00:00']);
    assert.equal((await find({ properties: ['TIME(at) as t'] }))[1].t, '01:00:00');
  });

  test('inside JSON', async () => {
    const [, second] = await find({ properties: ["js->'$.a.b' as b", 'name'] });
    assert.deepEqual([second.b, second.name], [1, 'name 1']);
  });

  test('all but some', async () => {
    const [first] = await find({ properties: ['name', 'age', 'at'] });
    assert.equal('js' in first, false);
    const builder = query({ sortBy: 'created' }).excludeProperties('age', ['js', 'created']).excludeProperty('updated');
    const [left] = await store.find(builder);
    const { age, js, created, updated, ...kept } = objects[0];
    assert.deepEqual(left, kept);
    const [chosen] = await store.find(query({ properties: ['name', 'age'], sortBy: 'created' }).excludeProperty('age'));
    assert.deepEqual(chosen, { ___class: store.className, name: 'name 0' });
    const nothing = query({ sortBy: 'created' }).excludeProperties('name', 'age', 'at', 'js', 'created', 'updated', 'ownerId');
    assert.deepEqual((await store.find(nothing))[0], { ___class: store.className, objectId: objects[0].objectId });
  });

  test('of one object, by its id', async () => {
    const { objectId } = objects[1];
    assert.deepEqual(await store.findById(objectId, query({ properties: ['name', 'age'] })), { ___class: store.className, name: 'name 1', age: 1 });
    const without = await store.findById(objectId, query().excludeProperties('name', 'js'));
    assert.deepEqual([without.age, 'name' in without, 'js' in without], [1, false, false]);
  });

  test('what is not there is refused', async () => {
    await fails(find({ properties: ['nothing'] }), 1054, `Column 'nothing' does not exist in table '${store.className}'`);
    await fails(find({ properties: ['nothing as a'] }), 1054);
    await fails(store.find(query().excludeProperty('nothing')), 1054);
    await fails(store.findById(objects[0].objectId, query({ properties: ['nothing'] })), 1054);
    await fails(find({ properties: ['age +'] }), 1017);
    await fails(find({ properties: ['age as x', 'name as x'] }), 1017);
  });

  test('distinct', async () => {
    const rows = await store.find(query({ properties: ['name'], distinct: true, sortBy: 'name' }));
    assert.deepEqual(rows, [0, 1, 2].map(n => ({ ___class: store.className, name: `name ${n}` })));
    assert.equal((await find({ properties: ['name'] })).length, 6);
    assert.equal(await store.getObjectCount(query({ distinct: true, properties: ['name'] })), 6); // the SDK does not send them
    const all = await store.find(query({ distinct: true, sortBy: 'age' }));
    assert.deepEqual(all.map(({ age }) => age), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(all[0], objects[0]);
    const grouped = query({ distinct: true, groupBy: 'objectId' });
    assert.equal((await store.find(grouped)).length, 6);
    assert.equal(await store.getObjectCount(grouped), 6);
  });

  test('aggregates of all objects', async () => {
    assert.deepEqual(await store.find(query({ properties: ['Count(objectId)'] })), [{ ___class: store.className, count: 6 }]);
    assert.deepEqual(await store.find(query({ properties: 'Count(objectId) as c, Avg(age) as a, Sum(age), Min(age), MAX(age)' })), [
      { ___class: store.className, c: 6, a: 2.5, sum: 15, min: 0, max: 5 },
    ]);
    assert.deepEqual(await store.find(query({ properties: ['Count(objectId)'], whereClause: 'age > 3' })), [{ ___class: store.className, count: 2 }]);
    const [{ last }] = await store.find(query({ properties: ['Max(at) as last'] }));
    assert.equal(last, objects[5].at);
  });

  test('groups', async () => {
    const rows = await store.find(query({ properties: ['name', 'Count(objectId) as total', 'Sum(age)'], groupBy: 'name', sortBy: 'name' }));
    assert.deepEqual(rows, [0, 1, 2].map(n => ({ ___class: store.className, name: `name ${n}`, total: 2, sum: 2 * n + 3 })));
    const some = await store.find(
      query({ properties: ['name', 'Sum(age) as total'], groupBy: ['name'], havingClause: 'total > 3', sortBy: ['total desc'] })
    );
    assert.deepEqual(some.map(({ name, total }) => [name, total]), [['name 2', 7], ['name 1', 5]]);
    const large = await store.find(query({ properties: ['name', 'Max(age)'], groupBy: 'name', havingClause: 'Max(age) > 4' }));
    assert.deepEqual(large.map(({ name, max }) => [name, max]), [['name 2', 5]]);
    assert.equal(await store.getObjectCount(query({ groupBy: 'name' })), 3);
  });

  test('sorted by an aggregate', async () => {
    const sorted = (properties, sortBy) => store.find(query({ properties, groupBy: 'name', sortBy }));
    const named = await sorted(['name', 'Sum(age) as total'], ['Sum(age) desc']);
    assert.deepEqual(named.map(({ total }) => total), [7, 5, 3]);
    const unnamed = await sorted(['name', 'Sum(age)'], ['sum desc']);
    assert.deepEqual(unnamed.map(({ sum }) => sum), [7, 5, 3]);
    const counted = await sorted(['name', 'Count(objectId) as c'], ['Count(objectId) desc', 'name desc']);
    assert.deepEqual(counted.map(({ name }) => name), ['name 2', 'name 1', 'name 0']);
  });

  test('pages of groups', async () => {
    const rows = await store.find(query({ properties: ['name', 'Count(objectId)'], groupBy: 'name', sortBy: 'name', pageSize: 1, offset: 1 }));
    assert.deepEqual(rows.map(({ name }) => name), ['name 1']);
  });
});

describe('orders and pages', () => {
  let store;
  before(async () => {
    store = Data.of(await makeTable({ name: 'STRING', n: 'INT', m: 'INT' }));
    const list = Array.from({ length: 125 }, (_, n) => ({ name: `name ${n}`, n, m: n % 5 }));
    await store.bulkCreate(list.slice(0, 100));
    await store.bulkCreate(list.slice(100));
  });
  const numbers = async settings => (await store.find(query(settings))).map(({ n }) => n);

  test('a page has ten objects, unless something else is asked for', async () => {
    assert.equal((await store.find()).length, 10);
    assert.equal((await store.find(query())).length, 10);
    assert.equal((await store.find({})).length, 10);
  });

  test('a page of up to a hundred', async () => {
    assert.deepEqual(await numbers({ sortBy: 'n', pageSize: 100 }), Array.from({ length: 100 }, (_, n) => n));
    await fails(store.find(query({ pageSize: 101 })), 1025);
    await fails(store.find({ pageSize: -1 }), 1025);
    await fails(store.find({ offset: -1 }), 1017, /negative/);
  });

  test('one page after the other', async () => {
    const builder = query({ sortBy: ['n'], pageSize: 50 });
    const pages = [await store.find(builder), await store.find(builder.prepareNextPage()), await store.find(builder.prepareNextPage())];
    assert.deepEqual(pages.map(page => page.length), [50, 50, 25]);
    assert.equal(pages[2][24].n, 124);
    assert.deepEqual(await store.find(builder.prepareNextPage()), []);
    assert.equal((await store.find(builder.preparePreviousPage()))[0].n, 100);
  });

  test('sorted by several, either way', async () => {
    assert.deepEqual(await numbers({ sortBy: ['m desc', 'n'], pageSize: 3 }), [4, 9, 14]);
    assert.deepEqual(await numbers({ sortBy: 'm DESC,n Desc', pageSize: 3 }), [124, 119, 114]);
    assert.deepEqual(await numbers({ sortBy: ['m asc', 'n desc'], pageSize: 2 }), [120, 115]);
    await fails(store.find(query({ sortBy: 'nothing' })), 1054);
    await fails(store.find(query({ sortBy: 'n sideways' })), 1017);
  });

  test('how many', async () => {
    assert.equal(await store.getObjectCount(), 125);
    assert.equal(await store.getObjectCount('n >= 100'), 25);
    assert.equal(await store.getObjectCount(query({ whereClause: 'm = 4' })), 25);
    assert.equal(await store.getObjectCount('n > 1000'), 0);
  });
});

describe('first, last, and by id', () => {
  let store;
  let objects;
  before(async () => {
    store = Data.of(newTable());
    objects = await saveAll(store, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test('by the time when they were made', async () => {
    assert.deepEqual(await store.findFirst(), objects[0]);
    assert.deepEqual(await store.findLast(), objects[2]);
  });

  test('by another order, which is the same for both', async () => {
    const builder = () => query({ sortBy: 'n desc' });
    assert.equal((await store.findFirst(builder())).n, 3);
    assert.equal((await store.findLast(builder())).n, 3);
  });

  test('with properties, and a condition', async () => {
    const builder = query({ properties: ['n'], whereClause: 'n > 1' });
    assert.deepEqual(await store.findFirst(builder), { ___class: store.className, n: 2 });
  });

  test('of nothing', async () => {
    const none = query({ whereClause: 'n > 10' });
    assert.equal(await store.findFirst(none), undefined);
    assert.equal(await store.findLast(none), undefined);
  });

  test('by its id, and by keys', async () => {
    assert.deepEqual(await store.findById(objects[1].objectId), objects[1]);
    assert.deepEqual(await store.findById({ objectId: objects[1].objectId }), objects[1]);
    await assert.rejects(store.findById({ n: 2 }), { message: /n/ });
  });

  test('the REST guide has them with GET', async () => {
    const path = `/data/${store.className}`;
    assert.equal((await send('get', `${path}/first`)).n, 1);
    assert.equal((await send('get', `${path}/last`)).n, 3);
    assert.equal(await send('get', `${path}/count?where=n%3E1`), 2);
    assert.deepEqual((await send('get', `${path}?where=n%20%3E%201&sortBy=n%20desc&property=n`)).map(({ n }) => n), [3, 2]);
  });
});

test('a plain object asks as a builder does', async () => {
  const store = Data.of(newTable());
  await saveAll(store, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  const found = await store.find({ where: 'n > 1', properties: ['n'], sortBy: ['n desc'], pageSize: 1, offset: 1 });
  assert.deepEqual(found, [{ ___class: store.className, n: 2 }]);
  await fails(store.find({ wear: 'n > 1' }), 8004, /wear/);
});

test('texts with odd characters are texts, in clauses as in values', async () => {
  const store = Data.of(newTable());
  const odd = ["Grüße, 你好, 👩‍👩‍👧‍👦", "a'b\"c`d", 'x\\y%z_', "'; drop table t; --", 'line\nfeed\ttab', '$.a ->'];
  for (const text of odd) {
    const saved = await store.save({ text });
    assert.equal(saved.text, text);
    const where = `text = '${text.replaceAll("'", "''")}'`;
    assert.deepEqual((await store.find(query({ whereClause: where }))).map(found => found.text), [text], where);
  }
});
