// Objects in groups of groups, and how many there are in one.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { Backendless, asServerCode, fails, loggedIn, makeFamily, makeTable, newTable, saveAll, send } from './sdk.mjs';

const { Data } = Backendless;
const DAY = 86_400_000;
const MARCH = Date.UTC(2015, 2, 23);

const grouping = (settings = {}) => {
  const builder = Data.GroupQueryBuilder.create();
  for (const [name, value] of Object.entries(settings)) {
    builder[`set${name[0].toUpperCase()}${name.slice(1)}`](value);
  }
  return builder;
};

/** `[more, [[column, value, [more, [...]]], ...]]`, with the names of records. */
const outline = ({ hasNextPage, items }) => [
  hasNextPage,
  items.map(item => ('___class' in item ? item.name : [item.groupBy.column, item.groupBy.value, outline(item)])),
];

describe('grouping', () => {
  let table;
  let store;
  let made;
  before(async () => {
    table = await makeTable({ name: 'STRING', category: 'STRING', rating: 'INT', at: 'DATETIME', fair: 'BOOLEAN', js: 'JSON' });
    store = Data.of(table);
    made = await saveAll(store, [
      { name: 'lamp', category: 'Home', rating: 5, at: MARCH, fair: true, js: { a: 1 } },
      { name: 'sofa', category: 'Home', rating: 4, at: MARCH + DAY, fair: false },
      { name: 'chair', category: 'Home', rating: 5, at: MARCH, fair: true },
      { name: 'phone', category: 'Electronics', rating: 5, at: MARCH, fair: false },
      { name: 'radio', category: 'Electronics' },
      { name: 'thing', category: null, rating: 1, fair: true },
    ]);
  });

  test('by one column', async () => {
    const found = await store.group(grouping({ groupBy: 'category' }));
    assert.deepEqual(outline(found), [
      false,
      [
        ['category', null, [false, ['thing']]],
        ['category', 'Electronics', [false, ['phone', 'radio']]],
        ['category', 'Home', [false, ['lamp', 'sofa', 'chair']]],
      ],
    ]);
    assert.deepEqual(Object.keys(found).sort(), ['hasNextPage', 'items']);
    assert.deepEqual(Object.keys(found.items[0]).sort(), ['groupBy', 'hasNextPage', 'items']);
    assert.deepEqual(found.items[2].items[0], made[0]);
  });

  test('by two columns', async () => {
    const found = await store.group(grouping({ groupBy: ['category', 'rating'], whereClause: 'category is not null' }));
    assert.deepEqual(outline(found), [
      false,
      [
        ['category', 'Electronics', [false, [['rating', null, [false, ['radio']]], ['rating', 5, [false, ['phone']]]]]],
        ['category', 'Home', [false, [['rating', 4, [false, ['sofa']]], ['rating', 5, [false, ['lamp', 'chair']]]]]],
      ],
    ]);
  });

  test('a date is told as milliseconds, and leads back to its group', async () => {
    const found = await store.group(grouping({ groupBy: 'at', whereClause: 'at is not null' }));
    assert.deepEqual(outline(found), [
      false,
      [['at', MARCH, [false, ['lamp', 'chair', 'phone']]], ['at', MARCH + DAY, [false, ['sofa']]]],
    ]);
    assert.equal(await store.countInGroup(grouping({ groupBy: 'at', groupPath: found.items[0].groupBy })), 3);
    assert.deepEqual(outline(await store.group(grouping({ groupPath: { column: 'at', value: '03/24/2015' } }))), [false, ['sofa']]);
    await fails(store.group(grouping({ groupPath: { column: 'at', value: 'yesterday' } })), 1002);
  });

  test('a boolean, and system columns', async () => {
    assert.deepEqual(outline(await store.group(grouping({ groupBy: 'fair', groupDepth: 0 }))), [
      false,
      [['fair', null, [true, []]], ['fair', false, [true, []]], ['fair', true, [true, []]]],
    ]);
    assert.equal(await store.countInGroup(grouping({ groupPath: { column: 'fair', value: true } })), 3);
    const one = { column: 'objectId', value: made[1].objectId };
    assert.deepEqual(outline(await store.group(grouping({ groupPath: one }))), [false, ['sofa']]);
    const created = await store.group(grouping({ groupBy: 'created', pageSize: 1 }));
    assert.deepEqual(outline(created), [true, [['created', made[0].created, [false, ['lamp']]]]]);
  });

  test('how much of each level is told', async () => {
    const sizes = { groupBy: ['category', 'rating'], sortBy: 'category desc,name', pageSize: 1, groupPageSize: 1, recordsPageSize: 1 };
    const HOME = ['category', 'Home', [true, [['rating', 4, [false, ['sofa']]]]]];
    assert.deepEqual(outline(await store.group(grouping(sizes))), [true, [HOME]]);
    const second = await store.group(grouping({ ...sizes, offset: 1, groupPageSize: 2 }));
    assert.deepEqual(outline(second), [
      true,
      [['category', 'Electronics', [false, [['rating', null, [false, ['radio']]], ['rating', 5, [false, ['phone']]]]]]],
    ]);
    const inside = await store.group(grouping({ ...sizes, groupPath: { column: 'category', value: 'Home' }, offset: 1 }));
    assert.deepEqual(outline(inside), [false, [['rating', 5, [true, ['chair']]]]]);
    const path = [{ column: 'category', value: 'Home' }, { column: 'rating', value: 5 }];
    assert.deepEqual(outline(await store.group(grouping({ ...sizes, groupPath: path, offset: 1 }))), [false, ['lamp']]);
    assert.deepEqual(outline(await store.group(grouping({ ...sizes, groupPath: path, offset: 7 }))), [false, []]);
  });

  test('how many levels are opened', async () => {
    const collapsed = value => ['category', value, [true, []]];
    const two = { groupBy: ['category', 'rating'], whereClause: "category = 'Home'" };
    assert.deepEqual(outline(await store.group(grouping({ ...two, groupDepth: 0 }))), [false, [collapsed('Home')]]);
    assert.deepEqual(outline(await store.group(grouping({ ...two, groupDepth: 1 }))), [
      false,
      [['category', 'Home', [false, [['rating', 4, [true, []]], ['rating', 5, [true, []]]]]]],
    ]);
    const all = await store.group(grouping(two));
    assert.deepEqual(await store.group(grouping({ ...two, groupDepth: 2 })), all);
    assert.deepEqual(await store.group(grouping({ ...two, groupDepth: 10 })), all);
  });

  test('without columns there are records', async () => {
    assert.deepEqual(outline(await store.group(grouping({ sortBy: 'name', pageSize: 2 }))), [true, ['chair', 'lamp']]);
    assert.deepEqual(outline(await store.group({ groupBy: ['fair'], groupDepth: 0, pageSize: 1 })), [
      true,
      [['fair', null, [true, []]]],
    ]);
  });

  test('what records show', async () => {
    const chosen = { groupBy: 'category', properties: ['name', 'rating as stars'], whereClause: "category = 'Home'", sortBy: 'stars' };
    const { items } = await store.group(grouping(chosen));
    assert.deepEqual(items[0].items, [
      { name: 'sofa', stars: 4, ___class: table },
      { name: 'lamp', stars: 5, ___class: table },
      { name: 'chair', stars: 5, ___class: table },
    ]);
    const updated = await store.group(grouping({ groupBy: 'category', properties: ['name', 'updated'], pageSize: 1 }));
    assert.deepEqual(updated.items[0].items, [{ name: 'thing', updated: null, ___class: table }]);
    const less = await store.group(grouping({ groupBy: 'fair', pageSize: 1 }).excludeProperties('js', 'at'));
    assert.equal('js' in less.items[0].items[0], false);
  });

  test('how many are in a group', async () => {
    const home = { column: 'category', value: 'Home' };
    assert.equal(await store.countInGroup(grouping({ groupBy: ['category', 'rating'], groupPath: home, distinct: true })), 3);
    assert.equal(await store.countInGroup(grouping({ groupPath: home, whereClause: 'rating > 4' })), 2);
    const fives = grouping({ groupPath: home }).addGroupPath({ column: 'rating', value: 5 });
    assert.equal(await store.countInGroup(fives), 2);
    assert.equal(await store.countInGroup(grouping({ groupPath: { column: 'category', value: null } })), 1);
    assert.equal(await store.countInGroup(grouping({ groupPath: { column: 'rating', value: 'five' } })), 0);
    // Swift has another name for the condition
    const swift = { groupPath: [home], whereClause: 'rating > 4', distinct: false, groupBy: 'category' };
    assert.equal(await send('post', `/data/data-grouping/${table}/count`, swift), 2);
  });

  test('what is refused', async () => {
    await fails(store.group(grouping({ groupBy: 'nothing' })), 1054, `Column 'nothing' does not exist in table '${table}'`);
    await fails(store.group(grouping({ groupPath: { column: 'nothing', value: 1 } })), 1054);
    await fails(store.countInGroup(grouping({ groupPath: { column: 'nothing', value: 1 } })), 1054);
    await fails(store.group(grouping({ groupBy: 'js' })), 1017);
    await fails(store.group(grouping({ groupPath: { name: 'category' } })), 8000);
    await fails(store.group(grouping({ groupPath: 'category' })), 1017);
    await fails(store.group(grouping({ groupPath: { value: 1 } })), 1017);
    await fails(store.group(grouping({ groupPath: { column: 'category', value: { a: 1 } } })), 1017);
    await fails(store.group(grouping({ groupBy: 'category', groupDepth: 11 })), 1017);
    await fails(store.group(grouping({ groupBy: 'category', pageSize: 101 })), 1025);
    await fails(store.group(grouping({ groupBy: 'category', groupPageSize: 101 })), 1025);
    await fails(store.group(grouping({ groupBy: 'category', recordsPageSize: 101 })), 1025);
    await fails(store.group(grouping({ groupBy: 'category', havingClause: 'count(objectId) > 1' })), 8006);
    await fails(store.group(grouping({ groupBy: 'category', properties: 'name', distinct: true })), 8006);
    await fails(store.group(grouping({ groupBy: 'category', properties: 'count(objectId)' })), 1017);
    await fails(send('post', `/data/data-grouping/${table}/count`, {}), 8000);
    const missing = newTable();
    await fails(Data.of(missing).group(grouping({ groupBy: 'name' })), 1009);
    await fails(Data.of(missing).countInGroup(grouping({ groupPath: { column: 'name', value: 1 } })), 1009);
  });
});

describe('grouping and relations', () => {
  test('by what a relation of one leads to, and with relations loaded', async () => {
    const { parents, Parents, Children } = await makeFamily();
    const [ann, bob] = await saveAll(Children, [{ name: 'Ann' }, { name: 'Bob' }]);
    const [one, two] = await saveAll(Parents, [{ name: 'one' }, { name: 'two' }, { name: 'three' }]);
    await Parents.setRelation(one, 'friend', [ann]);
    await Parents.setRelation(two, 'friend', [bob]);
    await Parents.setRelation(two, 'friends', [ann, bob]);

    const found = await Parents.group(grouping({ groupBy: 'friend.name', related: ['friend', 'friends'] }));
    assert.deepEqual(outline(found), [
      false,
      [
        ['friend.name', null, [false, ['three']]],
        ['friend.name', 'Ann', [false, ['one']]],
        ['friend.name', 'Bob', [false, ['two']]],
      ],
    ]);
    const [, , { items: [second] }] = found.items;
    assert.equal(second.friend.objectId, bob.objectId);
    assert.deepEqual(second.friends.map(({ name }) => name), ['Bob', 'Ann']);
    assert.equal(found.items[0].items[0].friend, null);
    assert.deepEqual(found.items[0].items[0].friends, []);

    const path = { column: 'friend.name', value: 'Bob' };
    assert.equal(await Parents.countInGroup(grouping({ groupPath: path })), 1);
    assert.deepEqual(outline(await Parents.group(grouping({ groupPath: path }))), [false, ['two']]);
    const [{ friend, friends }] = (await Parents.group(grouping({ groupPath: path }))).items;
    assert.deepEqual([friend, friends], [undefined, undefined]);
    await fails(Parents.group(grouping({ groupBy: 'friends.name' })), 1017);
    await fails(send('post', `/data/data-grouping/${parents}`, { groupBy: 'friend' }), 8006);
  });
});

describe('grouping and permissions', () => {
  test('an object that a user may not read is in no group', async () => {
    const { sdk, user } = await loggedIn();
    const table = await makeTable({ name: 'STRING' });
    const saved = await saveAll(Data.of(table), [{ name: 'open' }, { name: 'closed' }]);
    await asServerCode().Data.Permissions.FIND.denyForUser(user.objectId, { ___class: table, objectId: saved[1].objectId });

    const theirs = sdk.Data.of(table);
    assert.deepEqual(outline(await theirs.group(grouping({ groupBy: 'name' }))), [false, [['name', 'open', [false, ['open']]]]]);
    assert.equal(await theirs.countInGroup(grouping({ groupPath: { column: 'name', value: 'closed' } })), 0);
    assert.equal(await Data.of(table).countInGroup(grouping({ groupPath: { column: 'name', value: 'closed' } })), 1);
  });

  test('what users hide makes no groups', async () => {
    const { user, email } = await loggedIn({ name: 'Ann' });
    const Users = Data.of('Users');
    await fails(Users.group(grouping({ groupBy: 'email' })), 4000);
    await fails(Users.group(grouping({ groupPath: { column: 'email', value: 'a@example.com' } })), 4000);
    await fails(Users.countInGroup(grouping({ groupPath: { column: 'email', value: 'a@example.com' } })), 4000);
    const found = await Users.group(grouping({ groupBy: 'name', whereClause: `objectId = '${user.objectId}'` }));
    const [{ groupBy, items }] = found.items;
    assert.deepEqual([groupBy.value, items[0].objectId, items[0].userStatus], ['Ann', user.objectId, 'ENABLED']);
    assert.equal('password' in items[0], false);
    assert.equal(JSON.stringify(found).includes(email), false);
  });
});
