// Several operations as one, which refer to what the ones before them made or found.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Backendless, loggedIn, makeFamily, makeTable, newTable, query, send } from './sdk.mjs';

const { Data, UnitOfWork } = Backendless;
const range = count => Array.from({ length: count }, (_, n) => n);

/** A table, with how many objects it has. */
async function people(columns = { name: 'STRING', age: 'INT', at: 'DATETIME', js: 'JSON' }) {
  const table = await makeTable(columns, newTable('Person'));
  const store = Data.of(table);
  return { table, store, count: where => store.getObjectCount(where) };
}

/** It succeeds, and these are the results, in order. */
async function succeeds(unit, ...results) {
  const result = await unit.execute();
  assert.equal(result.isSuccess(), true, result.error?.message);
  assert.equal(result.getError(), null);
  return results.map(one => one.getResult());
}

/** It fails at that operation, with this text, and has done nothing. */
async function failsAt(unit, operation, message) {
  const result = await unit.execute();
  assert.equal(result.isSuccess(), false, JSON.stringify(result.results));
  assert.equal(result.getResults(), null);
  const error = result.getError();
  assert.equal(error.operation, operation);
  assert.equal(operation.getError(), error);
  assert.match(error.message, message);
  return error;
}

const ids = objects => objects.map(({ objectId }) => objectId).sort();
const names = objects => objects.map(({ name }) => name).sort();

describe('the operations', () => {
  test('CREATE, UPDATE, UPSERT, DELETE', async () => {
    const { table, store, count } = await people();
    const unit = new UnitOfWork();
    const made = unit.create(table, { name: 'Ann', age: 20 });
    const changed = unit.update(made, { age: 21 });
    const upserted = unit.upsert(table, { objectId: 'own', name: 'Bob' });
    const again = unit.upsert(table, { objectId: 'own', age: 5 });
    const other = unit.create(table, { name: 'Eve' });
    const deleted = unit.delete(other);
    const [one, two, three, four, , gone] = await succeeds(unit, made, changed, upserted, again, other, deleted);
    assert.deepEqual([one.name, one.age, one.updated, one.ownerId, one.___class, one.js], ['Ann', 20, null, null, table, null]);
    assert.equal(typeof one.created, 'number');
    assert.deepEqual([two.objectId, two.name, two.age], [one.objectId, 'Ann', 21]);
    assert.ok(two.updated > one.created);
    assert.deepEqual([three.objectId, three.age, four.name, four.age], ['own', null, 'Bob', 5]);
    assert.ok(Math.abs(gone - Date.now()) < 60_000);
    assert.equal(await count(), 2);
    assert.equal((await store.findById(one.objectId)).age, 21);
  });

  test('CREATE_BULK, UPSERT_BULK, UPDATE_BULK, DELETE_BULK', async () => {
    const { table, store, count } = await people();
    const unit = new UnitOfWork();
    const made = unit.bulkCreate(table, [{ name: 'Ann', age: 1 }, { objectId: 'b', name: 'Bob', age: 2 }, { name: 'Eve', age: 3 }]);
    const upserted = unit.bulkUpsert(table, [{ objectId: 'b', age: 20 }, { objectId: 'd', age: 30 }]);
    const changed = unit.bulkUpdate(table, 'age > 2', { name: 'new' });
    const byIds = unit.bulkUpdate(table, ['b', 'd', 'nobody'], { age: 7 });
    const byResult = unit.bulkUpdate(made, { js: { a: 1 } });
    const deleted = unit.bulkDelete(table, 'age = 1');
    const deletedById = unit.bulkDelete(table, ['d']);
    const results = await succeeds(unit, made, upserted, changed, byIds, byResult, deleted, deletedById);
    assert.deepEqual([results[0].length, results[0][1], results[1]], [3, 'b', ['b', 'd']]);
    assert.deepEqual(results.slice(2), [3, 2, 3, 1, 1]);
    assert.equal(await count(), 2);
    assert.deepEqual((await store.findById('b')).js, { a: 1 });
    assert.deepEqual([(await store.findById('b')).name, (await store.findById('b')).age], ['new', 7]);
  });

  test('FIND, with all that a query has', async () => {
    const { Parents, Children, parents, children } = await makeFamily();
    await Children.bulkCreate(range(20).map(n => ({ name: `child ${n % 2}`, age: n })));
    const parent = await Parents.save({ name: 'Ann' });
    await Parents.setRelation(parent, 'friends', 'age < 15');
    const unit = new UnitOfWork();
    const all = unit.find(children);
    const some = unit.find(children, query({ whereClause: 'age > 3', sortBy: ['age desc'], pageSize: 2, offset: 1, properties: ['name', 'age as old'] }));
    const grouped = unit.find(
      children,
      query({ properties: ['name', 'Sum(age) as total'], groupBy: ['name'], havingClause: 'total > 90', sortBy: ['name'] })
    );
    const related = unit.find(parents, query({ related: ['friends'], relationsPageSize: 12 }));
    const deep = unit.find(parents, query({ relationsDepth: 1 }));
    const without = unit.find(children, query({ sortBy: 'age', pageSize: 1 }).excludeProperties('name', 'created'));
    const none = unit.find(children, query({ whereClause: 'age > 100' }));
    const [a, s, g, r, d, w, n] = await succeeds(unit, all, some, grouped, related, deep, without, none);
    assert.equal(a.length, 10);
    assert.deepEqual(s, [{ ___class: children, name: 'child 0', old: 18 }, { ___class: children, name: 'child 1', old: 17 }]);
    assert.deepEqual(g, [{ ___class: children, name: 'child 1', total: 100 }]);
    assert.equal(r[0].friends.length, 12);
    assert.equal(d[0].friends.length, 10);
    assert.deepEqual([w[0].age, 'name' in w[0], 'created' in w[0]], [0, false, false]);
    assert.deepEqual(n, []);
  });

  test('ADD_RELATION, SET_RELATION, DELETE_RELATION', async () => {
    const { Parents, Children, parents } = await makeFamily();
    const [kim, lou, max] = await Children.bulkCreate([{ name: 'Kim', age: 1 }, { name: 'Lou', age: 2 }, { name: 'Max', age: 3 }]);
    const parent = await Parents.save({ name: 'Ann' });
    const unit = new UnitOfWork();
    const results = [
      unit.addToRelation(parents, parent, 'friends', [kim, { objectId: lou }]),
      unit.deleteRelation(parents, parent.objectId, 'friends', "name = 'Kim'"),
      unit.setRelation(parents, { objectId: parent.objectId }, 'friends', 'age > 1'),
      unit.setRelation(parents, parent, 'friend', [kim]),
      unit.addToRelation(parents, parent, 'friend', [max]),
      unit.deleteRelation(parents, parent, 'friends', [lou, max]),
    ];
    assert.deepEqual(await succeeds(unit, ...results), [2, 1, 2, 1, 1, 2]);
    const found = await Parents.findById(parent.objectId, query({ related: ['friend', 'friends'] }));
    assert.deepEqual([found.friend.name, found.friends], ['Max', []]);
  });
});

describe('references', () => {
  test('to what was made, in values of any kind', async () => {
    const { table, store } = await people();
    const unit = new UnitOfWork();
    const one = unit.create(table, { name: 'Ann', age: 20 });
    const other = unit.create(table, { name: one.resolveTo('objectId'), age: one.resolveTo('age'), at: one.resolveTo('created') });
    const third = unit.update(other, 'name', one.resolveTo('name'));
    const bulk = unit.bulkUpdate(table, "name = 'Ann'", { age: other.resolveTo('age'), js: { of: one.resolveTo('objectId') } });
    const [a, b, c, n] = await succeeds(unit, one, other, third, bulk);
    assert.deepEqual([b.name, b.age, b.at, c.name, n], [a.objectId, 20, a.created, 'Ann', 2]);
    assert.deepEqual((await store.findById(a.objectId)).js, { of: a.objectId });
  });

  test('to what was found, by its place', async () => {
    const { table, store, count } = await people();
    await store.bulkCreate(range(3).map(n => ({ name: `name ${n}`, age: n })));
    const unit = new UnitOfWork();
    const found = unit.find(table, query({ sortBy: ['age'] }));
    const made = unit.create(table, { name: found.resolveTo(1, 'name'), age: 100 });
    const changed = unit.update(found.resolveTo(2), { age: found.resolveTo(0, 'age') });
    const gone = unit.delete(found.resolveTo(0));
    const [, one, two] = await succeeds(unit, found, made, changed, gone);
    assert.deepEqual([one.name, two.name, two.age], ['name 1', 'name 2', 0]);
    assert.equal(await count("name = 'name 0'"), 0);
  });

  test('to all that was found or made', async () => {
    const { table, store, count } = await people();
    await store.bulkCreate(range(5).map(n => ({ name: 'old', age: n })));
    const unit = new UnitOfWork();
    const found = unit.find(table, query({ whereClause: 'age < 2' }));
    const made = unit.bulkCreate(table, [{ name: 'new' }, { name: 'new' }]);
    const changed = unit.bulkUpdate(found, { name: 'found' });
    const one = unit.update(made.resolveTo(1), { age: 77 });
    const deleted = unit.bulkDelete(made);
    const [, created, two, updated, three] = await succeeds(unit, found, made, changed, one, deleted);
    assert.deepEqual([created.length, two, updated.objectId, updated.age, three], [2, 2, created[1], 77, 2]);
    assert.equal(await count("name = 'found'"), 2);
    assert.equal(await count(), 5);
  });

  // the vendor's suite has more than a hundred of these: each way to say the parent, with each way to say the children
  const PARENTS = {
    'an id': (unit, { parent }) => parent.objectId,
    'an object': (unit, { parent }) => ({ objectId: parent.objectId }),
    'what was created': (unit, { parents }) => unit.create(parents, { name: 'made' }),
    'what was upserted': (unit, { parents }) => unit.upsert(parents, { objectId: 'up', name: 'made' }),
    'what was updated': (unit, { parents, parent }) => unit.update(parents, { objectId: parent.objectId, age: 3 }),
    'one that was found': (unit, { parents }) => unit.find(parents, query({ whereClause: "name = 'Ann'" })).resolveTo(0),
    'one of those created': (unit, { parents }) => unit.bulkCreate(parents, [{ name: 'made' }, { name: 'made 2' }]).resolveTo(1),
  };
  const CHILDREN = {
    'an id': (unit, { kim }) => [kim],
    'an object': (unit, { kim }) => ({ objectId: kim }),
    'a condition': () => "name = 'Kim'",
    'what was created': (unit, { children }) => unit.create(children, { name: 'Kim' }),
    'a list of what was created': (unit, { children }) => [unit.create(children, { name: 'Kim' })],
    'a property of what was created': (unit, { children }) => unit.create(children, { name: 'Kim' }).resolveTo('objectId'),
    'what was upserted': (unit, { children }) => unit.upsert(children, { name: 'Kim' }),
    'what was updated': (unit, { children, kim }) => unit.update(children, { objectId: kim, age: 4 }),
    'all that was found': (unit, { children }) => unit.find(children, query({ whereClause: "name = 'Kim'" })),
    'one that was found': (unit, { children }) => unit.find(children, query({ whereClause: "name = 'Kim'" })).resolveTo(0),
    'all that were created': (unit, { children }) => unit.bulkCreate(children, [{ name: 'Kim' }]),
    'one of those created': (unit, { children }) => unit.bulkCreate(children, [{ name: 'no' }, { name: 'Kim' }]).resolveTo(1),
  };
  for (const [parentTitle, parentOf] of Object.entries(PARENTS)) {
    for (const column of ['friend', 'friends']) {
      test(`${column} of ${parentTitle}, in all ways`, async () => {
        const family = await makeFamily();
        const { Parents, Children, parents } = family;
        family.parent = await Parents.save({ name: 'Ann' });
        for (const [childTitle, childOf] of Object.entries(CHILDREN)) {
          await Children.bulkDelete('1=1');
          [family.kim] = await Children.bulkCreate([{ name: 'Kim', age: 1 }]);
          const unit = new UnitOfWork();
          const [parent, child] = [parentOf(unit, family), childOf(unit, family)];
          const set = unit.setRelation(parents, parent, column, child);
          const deleted = unit.deleteRelation(parents, parent, column, child);
          const added = unit.addToRelation(parents, parent, column, child);
          const shown = unit.find(parents, query({ whereClause: `${column}.name = 'Kim'`, related: [column] }));
          const results = await succeeds(unit, set, deleted, added, shown);
          assert.deepEqual(results.slice(0, 3), [1, 1, 1], childTitle);
          assert.equal(results[3].length, 1, childTitle);
          assert.deepEqual(names([results[3][0][column]].flat()), ['Kim'], childTitle);
        }
      });
    }
  }

  test('to what is not there, or has not run yet, are refused', async () => {
    const { table, count } = await people();
    const unit = new UnitOfWork();
    const found = unit.find(table, query({ whereClause: "name = 'nobody'" }));
    const made = unit.create(table, { name: found.resolveTo(0, 'name') });
    await failsAt(unit, made, /./);
    const another = new UnitOfWork();
    const first = another.create(table, { name: 'Ann' });
    const wrong = another.create(table, { name: first.resolveTo('nothing') });
    await failsAt(another, wrong, /nothing/);
    const answer = await send('post', '/transaction/unit-of-work', {
      operations: [
        { operationType: 'CREATE', table, payload: { name: { ___ref: true, opResultId: 'later', propName: 'name' } }, opResultId: 'first' },
        { operationType: 'CREATE', table, payload: { name: 'Ann' }, opResultId: 'later' },
      ],
    }).catch(error => error);
    assert.match(answer.error?.message ?? answer.message, /later/);
    assert.equal(await count(), 0);
  });
});

describe('all or nothing', () => {
  test('what fails is echoed, and what was done before it is undone', async () => {
    const { table, store, count } = await people();
    const kept = await store.save({ name: 'Ann', age: 1 });
    const unit = new UnitOfWork();
    unit.create(table, { name: 'new' });
    unit.update(table, { objectId: kept.objectId, age: 2 });
    unit.bulkDelete(table, "name = 'Ann'");
    const failing = unit.update(table, { objectId: 'nobody', name: 'x' });
    unit.create(table, { name: 'never' });
    await failsAt(unit, failing, /Entity with ID nobody not found/);
    assert.deepEqual(await store.find(), [kept]);
    assert.equal(await count(), 1);
  });

  test('the payload comes back exactly as it was sent', async () => {
    const { table } = await people();
    const operation = {
      operationType: 'UPDATE',
      table,
      payload: { objectId: 'nobody', name: 'x', at: '2024-01-02T03:04:05.678Z', js: { '$.a b': [null, 1.0] } },
      opResultId: 'My Test Operation ID',
    };
    const answer = await send('post', '/transaction/unit-of-work', { operations: [operation] });
    assert.deepEqual([answer.success, answer.results, answer.error.operation], [false, null, operation]);
    assert.equal(answer.error.message, 'Entity with ID nobody not found');
  });

  test('tables and columns are not made', async () => {
    const { table, count } = await people();
    const missing = `Column 'nothing' in table '${table}' does not exists. All tables and columns must be present in the database before a transaction is executed.`;
    const exactly = new RegExp(`^${missing}$`);
    for (const make of [
      unit => unit.create(table, { nothing: 1 }),
      unit => unit.upsert(table, { nothing: 1 }),
      unit => unit.update(table, { objectId: 'x', nothing: 1 }),
      unit => unit.bulkCreate(table, [{ name: 'Ann' }, { nothing: 1 }]),
      unit => unit.bulkUpsert(table, [{ nothing: 1 }]),
      unit => unit.bulkUpdate(table, '1=1', { nothing: 1 }),
    ]) {
      const unit = new UnitOfWork();
      unit.create(table, { name: 'before' });
      await failsAt(unit, make(unit), exactly);
    }
    const unit = new UnitOfWork();
    await failsAt(unit, unit.create(newTable(), { name: 'Ann' }), /^Table not found by name/);
    assert.equal(await count(), 0);
  });

  test('conditions, values and relations that are none', async () => {
    const { table, count } = await people();
    for (const [make, message] of [
      [unit => unit.find(table, query({ whereClause: 'nothing = 1' })), /nothing/],
      [unit => unit.find(table, query({ whereClause: 'age >' })), /position/],
      [unit => unit.find(table, query({ pageSize: 101 })), /100/],
      [unit => unit.bulkDelete(table, 'nothing = 1'), /nothing/],
      [unit => unit.create(table, { age: 'old' }), /invalid data type for properties - age/],
      [unit => unit.create(table, { at: 'some day' }), /^Invalid date format for property at$/],
      [unit => unit.delete(table, 'nobody'), /Entity with ID nobody not found/],
      [unit => unit.addToRelation(table, 'nobody', 'name', ['x']), /name/],
      [unit => unit.setRelation(table, 'nobody', 'nothing', ['x']), /nothing/],
      [unit => unit.bulkCreate(table, range(101).map(n => ({ age: n }))), /^Bulk create operation supports no more than 100 objects$/],
    ]) {
      const unit = new UnitOfWork();
      unit.create(table, { name: 'before' });
      await failsAt(unit, make(unit), message);
    }
    assert.equal(await count(), 0);
  });

  test('an operation of no kind, or without a name, is refused as a whole', async () => {
    const { table, count } = await people();
    const create = { operationType: 'CREATE', table, payload: { name: 'Ann' }, opResultId: 'one' };
    for (const operations of [
      [create, { ...create, operationType: 'WHATEVER', opResultId: 'two' }],
      [create, { ...create, opResultId: undefined }],
      [create, create],
      'none',
    ]) {
      const answer = await send('post', '/transaction/unit-of-work', { operations }).catch(error => error);
      assert.ok(answer.code || answer.success === false, JSON.stringify(answer));
    }
    assert.equal(await count(), 0);
  });
});

describe('how it runs', () => {
  for (const level of Object.values(UnitOfWork.IsolationLevelEnum)) {
    test(level, async () => {
      const { table, count } = await people();
      const unit = new UnitOfWork(level);
      await succeeds(unit, unit.create(table, { name: 'Ann' }));
      assert.equal(await count(), 1);
    });
  }

  test('a level of isolation that is none is refused', async () => {
    const { table } = await people();
    const unit = new UnitOfWork('WHATEVER');
    unit.create(table, { name: 'Ann' });
    await assert.rejects(unit.execute(), error => error.code > 0 && error.status === 400);
  });

  test('operations have the names that they are given', async () => {
    const { table } = await people();
    const unit = new UnitOfWork();
    const one = unit.create(table, { name: 'Ann' }).setOpResultId('My Test Operation ID');
    const other = unit.update(one, { age: 1 });
    const result = await unit.execute();
    assert.deepEqual(Object.keys(result.results).sort(), ['My Test Operation ID', `update${table}1`].sort());
    assert.equal(result.results['My Test Operation ID'].operationType, 'CREATE');
    assert.equal(other.getResult().age, 1);
  });

  test('twenty operations', async () => {
    const { table, count } = await people();
    const unit = new UnitOfWork();
    const made = range(20).map(n => unit.create(table, { name: `name ${n}`, age: n }));
    const results = await succeeds(unit, ...made);
    assert.deepEqual(results.map(({ age }) => age), range(20));
    assert.equal(await count(), 20);
  });

  test('ten times a hundred objects, and a change of all thousand', async () => {
    const { table, count } = await people();
    const unit = new UnitOfWork();
    const made = range(10).map(part => unit.bulkCreate(table, range(100).map(n => ({ name: 'many', age: part * 100 + n }))));
    const changed = unit.bulkUpdate(table, 'age >= 0', { name: 'all' });
    const results = await succeeds(unit, ...made, changed);
    assert.deepEqual(results.map(one => (Array.isArray(one) ? one.length : one)), [...Array(10).fill(100), 1000]);
    assert.equal(await count("name = 'all'"), 1000);
  });

  test('an expression, an edit of JSON, a Date and a null are what they are elsewhere', async () => {
    const { table } = await people();
    const at = new Date('2024-01-02T03:04:05.678Z');
    const unit = new UnitOfWork();
    const made = unit.create(table, { name: 'Ann', age: 1, at, js: { a: 1 } });
    const changed = unit.update(made, {
      age: new Backendless.Expression('age + 1'),
      js: Backendless.JSONUpdateBuilder.SET().addArgument('$.b', [2]).create(),
      name: null,
    });
    const [, result] = await succeeds(unit, made, changed);
    assert.deepEqual([result.age, result.js, result.name, result.at], [2, { a: 1, b: [2] }, null, at.getTime()]);
  });

  test('instances of a class', async () => {
    const { table, store } = await people();
    const Person = { [table]: class {} }[table];
    const person = Object.assign(new Person(), { name: 'Ann' });
    const unit = new UnitOfWork();
    const made = unit.create(person);
    await succeeds(unit, made);
    const found = Object.assign(new Person(), await store.findFirst());
    const next = new UnitOfWork();
    const changed = next.update(Object.assign(found, { age: 5 }));
    const deleted = next.delete(found);
    const [result] = await succeeds(next, changed, deleted);
    assert.deepEqual([result.name, result.age], ['Ann', 5]);
  });

  test('the owner of what it makes is who is logged in', async () => {
    const { table } = await people();
    const { sdk, user } = await loggedIn();
    const unit = new sdk.UnitOfWork();
    const made = unit.create(table, { name: 'Ann' });
    const many = unit.bulkCreate(table, [{ name: 'Bob' }]);
    const shown = unit.find(table, query({ sortBy: 'name' }));
    const [one, , found] = await succeeds(unit, made, many, shown);
    assert.equal(one.ownerId, user.objectId);
    assert.deepEqual(found.map(({ ownerId }) => ownerId), [user.objectId, user.objectId]);
  });

  test('one that was written as JSON in server code', async () => {
    const { table, count } = await people();
    const unit = UnitOfWork.initFromJSON({
      transactionIsolation: 'REPEATABLE_READ',
      operations: [
        { operationType: 'CREATE', table, payload: { name: 'Ann' }, opResultId: 'one' },
        { operationType: 'UPDATE', table, payload: { objectId: { ___ref: true, opResultId: 'one', propName: 'objectId' }, age: 3 }, opResultId: 'two' },
      ],
    });
    assert.equal((await unit.execute()).isSuccess(), true);
    assert.equal(await count('age = 3'), 1);
  });

  test('one without operations succeeds, with nothing', async () => {
    const result = await new UnitOfWork().execute();
    assert.deepEqual([result.isSuccess(), result.getResults()], [true, {}]);
  });
});
