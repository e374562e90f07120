// Aggregations: stages over the objects of a class, for the master.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import * as target from '../target.mjs';
import { Parse, makeAll, send } from './sdk.mjs';

const Sale = target.newClass('Sale');
const sales = [
  { city: 'Rome', price: 10, tags: ['new', 'red'], on: new Date('2024-01-05T10:00:00Z') },
  { city: 'Rome', price: 20, tags: ['red'], on: new Date('2024-02-05T10:00:00Z') },
  { city: 'Paris', price: 5, tags: [], on: new Date('2024-02-06T10:00:00Z') },
  { city: 'Paris', price: 15, on: new Date('2025-02-06T10:00:00Z') },
  { price: 1, tags: ['new'], on: new Date('2025-03-06T10:00:00Z') },
];
const query = () => new Parse.Query(Sale);
const aggregate = (...stages) => query().aggregate(stages);

before(() => makeAll(Sale, sales));

test('groups and their sums', async () => {
  const found = await aggregate(
    {
      $group: {
        _id: '$city',
        total: { $sum: '$price' },
        sales: { $sum: 1 },
        mean: { $avg: '$price' },
        least: { $min: '$price' },
        most: { $max: '$price' },
      },
    },
    { $sort: { total: -1 } }
  );
  assert.deepEqual(found, [
    { objectId: 'Rome', total: 30, sales: 2, mean: 15, least: 10, most: 20 },
    { objectId: 'Paris', total: 20, sales: 2, mean: 10, least: 5, most: 15 },
    { objectId: null, total: 1, sales: 1, mean: 1, least: 1, most: 1 },
  ]);
});

test('a group of everything, and none where there is nothing', async () => {
  const all = { $group: { _id: null, total: { $sum: '$price' } } };
  assert.deepEqual(await aggregate(all), [{ objectId: null, total: 51 }]);
  assert.deepEqual(await aggregate({ $match: { price: 99 } }, all), []);
});

test('the conditions of a query come first', async () => {
  const found = await query().greaterThan('price', 9).aggregate([{ $group: { _id: '$city', n: { $sum: 1 } } }]);
  assert.deepEqual(found.sort((a, b) => (a.objectId < b.objectId ? -1 : 1)), [
    { objectId: 'Paris', n: 1 },
    { objectId: 'Rome', n: 2 },
  ]);
});

test('groups by what is computed, and lists of a group', async () => {
  const found = await aggregate(
    { $match: { city: { $exists: true } } },
    { $sort: { price: 1 } },
    { $group: { _id: { year: { $year: '$on' } }, cities: { $addToSet: '$city' }, prices: { $push: '$price' } } },
    { $sort: { '_id.year': 1 } }
  );
  assert.deepEqual(found, [
    { objectId: { year: 2024 }, cities: ['Paris', 'Rome'], prices: [5, 10, 20] },
    { objectId: { year: 2025 }, cities: ['Paris'], prices: [15] },
  ]);
});

test('the first and the last of a group', async () => {
  const found = await aggregate(
    { $sort: { price: 1 } },
    { $group: { _id: null, cheap: { $first: '$price' }, dear: { $last: '$price' } } }
  );
  assert.deepEqual(found, [{ objectId: null, cheap: 1, dear: 20 }]);
});

test('lists are unwound', async () => {
  const each = [{ $unwind: '$tags' }, { $group: { _id: '$tags', n: { $sum: 1 } } }, { $sort: { _id: 1 } }];
  assert.deepEqual(await aggregate(...each), [
    { objectId: 'new', n: 2 },
    { objectId: 'red', n: 2 },
  ]);
  const unwound = { path: '$tags', preserveNullAndEmptyArrays: true, includeArrayIndex: 'at' };
  assert.deepEqual(await aggregate({ $unwind: unwound }, { $count: 'rows' }), [{ rows: 6 }]);
});

test('rows are projected, sorted, skipped and limited', async () => {
  const found = await aggregate(
    { $match: { price: { $gte: 5 } } },
    { $project: { _id: 0, price: 1, double: { $multiply: ['$price', 2] }, dear: { $gt: ['$price', 12] } } },
    { $sort: { price: 1 } },
    { $skip: 1 },
    { $limit: 2 }
  );
  assert.deepEqual(found, [
    { price: 10, double: 20, dear: false },
    { price: 15, double: 30, dear: true },
  ]);
});

test('rows that stages have made can be matched', async () => {
  const found = await aggregate(
    { $group: { _id: '$city', total: { $sum: '$price' } } },
    { $match: { total: { $gt: 10 }, _id: { $regex: '^R' } } }
  );
  assert.deepEqual(found, [{ objectId: 'Rome', total: 30 }]);
});

test('objects come with their ids, times and values', async () => {
  const [found] = await aggregate({ $sort: { price: -1 } }, { $limit: 1 });
  const object = await query().descending('price').first();
  assert.equal(found.objectId, object.id);
  assert.equal(found.createdAt, object.createdAt.toISOString());
  assert.deepEqual(found.on, { __type: 'Date', iso: '2024-02-05T10:00:00.000Z' });
});

test('a pipeline may be an object, and a stage a parameter', async () => {
  assert.deepEqual(await query().aggregate({ $match: { city: 'Rome' }, $count: 'n' }), [{ n: 2 }]);
  const told = await send('GET', `aggregate/${Sale}`, { $group: { _id: '$city' }, $count: 'n' }, { useMasterKey: true });
  assert.deepEqual(told.results, [{ n: 3 }]);
});

test('different values of a field', async () => {
  assert.deepEqual(await query().distinct('city'), ['Paris', 'Rome']);
  assert.deepEqual(await query().distinct('tags'), ['new', 'red']);
  assert.deepEqual(await query().equalTo('city', 'Paris').distinct('price'), [5, 15]);
});

test('a class that is not there has no objects', async () => {
  const none = new Parse.Query(target.newClass('Nothing'));
  assert.deepEqual(await none.aggregate([{ $match: {} }]), []);
  assert.deepEqual(await none.distinct('a'), []);
});

const refused = async (pipeline, message, code = 102) =>
  assert.rejects(query().aggregate(pipeline), { code, message }, JSON.stringify(pipeline));

test('mistakes are told in the words of Parse Server', async () => {
  await refused([{ bogus: 1 }], "Invalid aggregate stage 'bogus'.");
  await refused([{ $group: { objectId: '$city' } }], "Cannot use 'objectId' in aggregation stage $group.");
  await refused([{ $group: { n: { $sum: 1 } } }], 'Invalid parameter for query: group. Missing key _id');
  await refused([{ $match: {}, $limit: 1 }], 'Pipeline stages should only have one key but found $match, $limit.');
});

test('what is not supported is refused by its name', async () => {
  await refused([{ $lookup: { from: 'x' } }], /\$lookup/, 108);
  await refused([{ $group: { _id: { $function: 1 } } }], /\$function/, 108);
  await refused([{ $group: { _id: '$$ROOT' } }], /\$\$ROOT/, 108);
});

test('a stage that cannot be carried out is an error, and no crash', async () => {
  await refused([{ $limit: 0 }], /\$limit/);
  await refused([{ $project: { n: { $divide: ['$price', 0] } } }], /division by zero/);
  await refused([{ $project: { n: { $add: ['$city', 1] } } }], /numbers/);
  await refused([{ $match: { city: { $regex: '(' } } }], /regular expression/);
});

test('it is the master\'s alone', async () => {
  await assert.rejects(send('GET', `aggregate/${Sale}`, { pipeline: [] }), /master key is required/);
});
