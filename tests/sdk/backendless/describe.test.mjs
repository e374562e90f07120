// What a table says of its columns.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as target from '../target.mjs';
import { Backendless, asServerCode, fails, makeTable, newTable, send } from './sdk.mjs';

const { Data } = Backendless;
const TYPES = ['STRING', 'DOUBLE', 'BOOLEAN', 'DATETIME', 'JSON', 'FILE_REF', 'POINT', 'LINESTRING', 'POLYGON', 'GEOMETRY'];

const described = async table => Object.fromEntries((await Data.describe(table)).map(column => [column.name, column]));

test('each column is told with all its keys, the system’s own as well', async () => {
  const table = newTable();
  await Data.of(table).save({ name: 'Bob' });
  const columns = await Data.describe(table);
  for (const column of columns) {
    assert.deepEqual(Object.keys(column).sort(), [
      'autoLoad', 'customRegex', 'defaultValue', 'expression', 'isPrimaryKey', 'name', 'relatedTable', 'required', 'type',
    ]);
  }
  const { name, objectId, created, updated, ownerId } = await described(table);
  assert.deepEqual(name, {
    name: 'name', required: false, type: 'STRING', defaultValue: null, expression: null,
    relatedTable: null, customRegex: null, autoLoad: false, isPrimaryKey: false,
  });
  assert.deepEqual([objectId.type, objectId.isPrimaryKey], ['STRING', true]);
  assert.deepEqual([created.type, updated.type, ownerId.type], ['DATETIME', 'DATETIME', 'STRING']);
});

test('what was made of a type is told as that', async () => {
  const columns = await described(await makeTable(Object.fromEntries(TYPES.map(type => [`a_${type}`, type]))));
  for (const type of TYPES) assert.equal(columns[`a_${type}`].type, type);
});

test('types of one meaning are told by the first of their words', async () => {
  const columns = await described(await makeTable({ a: 'TEXT', b: 'INT', c: 'STRING_ID' }));
  assert.deepEqual([columns.a.type, columns.b.type, columns.c.type], ['STRING', 'DOUBLE', 'STRING']);
});

test('relations tell their table', async () => {
  const children = await makeTable({ name: 'STRING' });
  const columns = await described(await makeTable({ one: ['RELATION', children], some: ['RELATION_LIST', children] }));
  assert.deepEqual([columns.one.type, columns.one.relatedTable], ['RELATION', children]);
  assert.deepEqual([columns.some.type, columns.some.relatedTable], ['RELATION_LIST', children]);
});

test('a default and a column that must have a value', async () => {
  const name = newTable();
  const columns = [
    { name: 'price', dataType: 'INT', defaultValue: 5 },
    { name: 'title', dataType: 'STRING', required: true },
  ];
  await send('post', '/management/data/table', { name, columns }, asServerCode());
  const { price, title } = await described(name);
  assert.deepEqual([price.defaultValue, title.required], [5, true]);
  assert.equal((await Data.of(name).save({ title: 'a' })).price, 5);
  await assert.rejects(Data.of(name).save({ price: 1 }), { message: /title/ });
});

test('a table that is not there', () => fails(Data.describe('Nowhere_at_all'), 1009));

test('only server code makes tables', async () => {
  const name = newTable();
  await fails(send('post', '/management/data/table', { name, columns: [] }), 2011);
});

test('a type that is none is refused', async () => {
  await fails(makeTable({ a: 'WHATEVER' }), 1008, /WHATEVER/);
  await fails(makeTable({ a: 'MULTIPOINT' }), 1008, /MULTIPOINT/);
});

test('users have columns before there is one', async () => {
  const columns = await Data.describe('Users');
  const names = columns.map(({ name }) => name);
  for (const name of ['objectId', 'email', 'created', 'updated', 'ownerId']) assert.ok(names.includes(name), name);
});

test('without a dynamic schema properties that have no column are left out, and no table is made', async () => {
  const { fixedAppId: appId, fixedApiKey: apiKey, serverURL } = target.backendless;
  const fixed = Backendless.initApp({ appId, apiKey, serverURL, standalone: true });
  const table = await makeTable({ name: 'STRING' });
  const store = fixed.Data.of(table);
  const saved = await store.save({ name: 'Bob', age: 20, js: { a: 1 } });
  assert.deepEqual([saved.name, 'age' in saved, 'js' in saved], ['Bob', false, false]);
  assert.equal('age' in (await store.save({ objectId: saved.objectId, age: 21 })), false);
  const [first] = await store.bulkCreate([{ name: 'Eve', age: 1 }]);
  assert.equal((await store.findById(first)).name, 'Eve');
  assert.equal((await described(table)).age, undefined);
  const nobody = newTable();
  await fails(fixed.Data.of(nobody).save({ name: 'Bob' }), 1009);
  await fails(Data.describe(nobody), 1009);
});
