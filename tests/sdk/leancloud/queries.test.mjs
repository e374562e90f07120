// What a query finds, and what of it. LeanCloud and its SDKs on the wire; the storage REST guide, "Queries".

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { failsWith, range, sorted, valuesOf } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, make, makeAll, master, reference, scanned, send } from './sdk.mjs';

const className = newClass('Item');
const owner = reference('Owner', '5a0000000000000000000001');
const otherOwner = reference('Owner', '5a0000000000000000000002');
const day = number => new Date(Date.UTC(2024, 0, number, 12, 30, 15, 250));

// The field `name` tells which were found. `e` has nothing but its name.
const ITEMS = [
  { name: 'a', n: 1, s: 'apple', b: true, tags: ['x', 'y'], nums: [1, 2], day: day(1), owner, o: { k: { v: 1 }, w: 'one' } },
  { name: 'b', n: 2, s: 'Banana', b: false, tags: ['y', 'z'], nums: [2, 3], day: day(2), owner, o: { k: { v: 2 }, w: 'two' } },
  { name: 'c', n: 3, s: 'cherry pie', b: true, tags: ['z'], nums: [], day: day(3), owner: otherOwner, o: { k: { v: 3 } } },
  { name: 'd', n: 3, s: '50% (of) a.b*c_d', b: false, tags: [], nums: [1, 2, 3, 4], day: day(4), owner: otherOwner, o: {} },
  { name: 'e' },
  { name: 'f', n: -1.5, s: 'two\nLines here', b: true, tags: ['x', 'y', 'z', 'x'], nums: [9], day: new Date(0), o: { w: 'one' } },
];

let ids;
before(async () => {
  const objects = await makeAll(className, ITEMS);
  ids = Object.fromEntries(objects.map(object => [object.get('name'), object.id]));
});

const items = () => new AV.Query(className);

// title: [a query, the names of what it finds]
const FINDS = {
  'no condition finds all': [q => q, 'abcdef'],
  'equalTo a number': [q => q.equalTo('n', 3), 'cd'],
  'equalTo a text': [q => q.equalTo('s', 'apple'), 'a'],
  'equalTo a boolean': [q => q.equalTo('b', false), 'bd'],
  'equalTo a date': [q => q.equalTo('day', day(2)), 'b'],
  'equalTo a pointer': [q => q.equalTo('owner', owner), 'ab'],
  'equalTo on a list: contains': [q => q.equalTo('tags', 'x'), 'af'],
  'equalTo on a list of numbers: contains': [q => q.equalTo('nums', 2), 'abd'],
  'equalTo a field that no object has': [q => q.equalTo('nosuch', 1), ''],
  'notEqualTo finds objects without the field': [q => q.notEqualTo('n', 3), 'abef'],
  'notEqualTo a pointer': [q => q.notEqualTo('owner', owner), 'cdef'],
  'notEqualTo on a list: does not contain': [q => q.notEqualTo('tags', 'x'), 'bcde'],
  'lessThan': [q => q.lessThan('n', 2), 'af'],
  'lessThanOrEqualTo': [q => q.lessThanOrEqualTo('n', 2), 'abf'],
  'greaterThan': [q => q.greaterThan('n', 2), 'cd'],
  'greaterThanOrEqualTo': [q => q.greaterThanOrEqualTo('n', 2), 'bcd'],
  'a range': [q => q.greaterThanOrEqualTo('n', 1).lessThan('n', 3), 'ab'],
  'a range of dates': [q => q.greaterThan('day', day(1)).lessThanOrEqualTo('day', day(3)), 'bc'],
  'containedIn': [q => q.containedIn('n', [1, 3, 99]), 'acd'],
  'containedIn pointers': [q => q.containedIn('owner', [otherOwner]), 'cd'],
  'containedIn on a list: has one of them': [q => q.containedIn('tags', ['x', 'z']), 'abcf'],
  'notContainedIn finds objects without the field': [q => q.notContainedIn('n', [1, 3]), 'bef'],
  'exists': [q => q.exists('n'), 'abcdf'],
  'doesNotExist': [q => q.doesNotExist('n'), 'e'],
  'containsAll': [q => q.containsAll('tags', ['x', 'y']), 'af'],
  'containsAll of one value on a field that is no list': [q => q.containsAll('s', ['apple']), 'a'],
  'sizeEqualTo': [q => q.sizeEqualTo('tags', 2), 'ab'],
  'sizeEqualTo zero': [q => q.sizeEqualTo('tags', 0), 'd'],
  'sizeEqualTo with containsAll': [q => q.sizeEqualTo('tags', 2).containsAll('tags', ['y', 'x']), 'a'],
  'matches a regular expression': [q => q.matches('s', /^[a-c]/), 'ac'],
  'matches without case': [q => q.matches('s', /^B/i), 'b'],
  'matches without case by a modifier': [q => q.matches('s', 'BANANA', 'i'), 'b'],
  'matches line by line': [q => q.matches('s', '^Lines', 'm'), 'f'],
  'matches not line by line unless asked': [q => q.matches('s', '^Lines'), ''],
  'matches with . for a line end': [q => q.matches('s', 'TWO.lines', 'si'), 'f'],
  'matches with white space and comments left out': [q => q.matches('s', 'app #the start\nle #the end', 'x'), 'a'],
  'contains': [q => q.contains('s', 'an'), 'b'],
  'contains takes special characters literally': [q => q.contains('s', '(of) a.b*c'), 'd'],
  'contains takes a dot literally': [q => q.contains('s', 'a.p'), ''],
  'startsWith': [q => q.startsWith('s', 'ch'), 'c'],
  'startsWith takes special characters literally': [q => q.startsWith('s', '50% ('), 'd'],
  'endsWith': [q => q.endsWith('s', 'pie'), 'c'],
  'endsWith takes special characters literally': [q => q.endsWith('s', '*c_d'), 'd'],
  'a dotted field': [q => q.equalTo('o.k.v', 2), 'b'],
  'a dotted field compared': [q => q.greaterThan('o.k.v', 1), 'bc'],
  'a dotted field that exists': [q => q.exists('o.w'), 'abf'],
  'several fields: all must match': [q => q.equalTo('b', true).greaterThan('n', 0).containedIn('tags', ['x']), 'a'],
  'several conditions on one field': [q => q.greaterThan('n', 0).notEqualTo('n', 2).exists('n'), 'acd'],
};

for (const [title, [build, expected]] of Object.entries(FINDS)) {
  test(title, async () => {
    assert.equal(sorted(await build(items()).find()).join(''), expected);
    assert.equal(await build(items()).count(), expected.length);
  });
}

test('quoted text may hold the marks of quotation', async () => {
  const names = ['a\\Eb', '\\Q', 'x\\', '\\d', '[a]', '{1}', '^$', 'a|b', '\\E', 'ünï', '100%', 'a_b'];
  const quoted = newClass('Quoted');
  await makeAll(quoted, names.map(name => ({ name })));
  const query = () => new AV.Query(quoted);
  for (const text of names) {
    const those = condition => names.filter(name => name[condition](text)).sort();
    assert.deepEqual(sorted(await query().startsWith('name', text).find()), those('startsWith'));
    assert.deepEqual(sorted(await query().endsWith('name', text).find()), those('endsWith'));
    assert.deepEqual(sorted(await query().contains('name', text).find()), those('includes'));
  }
});

test('objects are found by id and by the times the server gave them', async () => {
  const { createdAt } = await items().get(ids.a);
  const soon = new Date(createdAt.getTime() + 60_000);
  assert.deepEqual(sorted(await items().containedIn('objectId', [ids.a, ids.c]).find()), ['a', 'c']);
  assert.equal(await items().lessThan('createdAt', soon).exists('objectId').count(), 6);
  assert.equal(await items().greaterThan('updatedAt', soon).count(), 0);
  assert.ok((await items().equalTo('createdAt', createdAt).find()).some(object => object.id === ids.a));
});

test('or and and', async () => {
  const or = AV.Query.or(items().equalTo('n', 1), items().equalTo('n', 3).equalTo('b', true), items().equalTo('name', 'e'));
  assert.deepEqual(sorted(await or.find()), ['a', 'c', 'e']);
  const and = AV.Query.and(items().greaterThan('n', 1), items().lessThan('n', 3));
  assert.deepEqual(sorted(await and.find()), ['b']);
  const both = AV.Query.and(AV.Query.or(items().equalTo('n', 1), items().equalTo('n', 2)), items().equalTo('b', false));
  assert.deepEqual(sorted(await both.find()), ['b']);
});

test('a list of conditions is an and', async () => {
  const where = [{ n: { $ne: 3 } }, { n: { $exists: true } }];
  const { results } = await send('GET', `/classes/${className}`, { query: { where, order: 'name' } });
  assert.deepEqual(results.map(object => object.name), ['a', 'b', 'f']);
});

const ORDERS = {
  'ascending': [q => q.exists('n').ascending('n').addAscending('name'), 'fabcd'],
  'descending': [q => q.exists('n').descending('n').addDescending('name'), 'dcbaf'],
  'by several keys, each in its own direction': [q => q.exists('n').ascending('b').addDescending('n').addAscending('name'), 'dbcaf'],
  'by a text, by code points': [q => q.exists('s').ascending('s'), 'dbacf'],
  'by a date': [q => q.exists('day').descending('day'), 'dcbaf'],
};

for (const [title, [build, expected]] of Object.entries(ORDERS)) {
  test(`order ${title}`, async () => {
    assert.equal(valuesOf(await build(items()).find()).join(''), expected);
  });
}

test('limit and skip cut a page out of the results', async () => {
  const page = (skip, limit) => items().ascending('name').skip(skip).limit(limit).find();
  assert.deepEqual(valuesOf(await page(0, 2)), ['a', 'b']);
  assert.deepEqual(valuesOf(await page(2, 2)), ['c', 'd']);
  assert.deepEqual(await page(6, 10), []);
});

test('count counts all that match, whatever limit and skip are', async () => {
  assert.equal(await items().limit(2).skip(3).count(), 6);
});

test('findAndCount answers a page and the number of all', async () => {
  const [objects, count] = await items().equalTo('b', true).ascending('name').limit(2).findAndCount();
  assert.deepEqual([valuesOf(objects), count], [['a', 'c'], 3]);
});

test('first answers the first by the order, or undefined', async () => {
  assert.equal((await items().descending('name').first()).get('name'), 'f');
  assert.equal(await items().equalTo('n', 99).first(), undefined);
});

test('get answers one object, with a selection', async () => {
  const object = await items().select('n').get(ids.c);
  assert.deepEqual(object.attributes, { n: 3 });
  await failsWith(101, items().get('5a0000000000000000000000'));
  await failsWith(101, items().get(''));
});

test('select brings these fields, and the system fields', async () => {
  const object = await items().equalTo('name', 'a').select('n', ['s', 'nosuch']).first();
  assert.deepEqual(object.attributes, { n: 1, s: 'apple' });
  assert.ok(object.id && object.createdAt instanceof Date && object.updatedAt instanceof Date);
});

test('select of -field leaves fields out', async () => {
  const object = await items().equalTo('name', 'a').select('-n', '-o', '-tags', '-nums', '-day', '-owner').first();
  assert.deepEqual(object.attributes, { name: 'a', s: 'apple', b: true });
});

test('select of -field takes system fields away, too', async () => {
  const query = { where: { name: 'a' }, keys: '-createdAt,-updatedAt,-o,-tags,-nums,-day,-owner' };
  const { results } = await send('GET', `/classes/${className}`, { query });
  assert.deepEqual(results, [{ objectId: ids.a, name: 'a', n: 1, s: 'apple', b: true }]);
});

test('select of a dotted field brings at least that key', async () => {
  const object = await items().equalTo('name', 'b').select('o.w').first();
  assert.equal(object.get('o').w, 'two');
  assert.equal(object.get('n'), undefined);
});

test('a query too long for a URL is sent as a batch', async () => {
  const names = range(300).map(n => `item-${n}`);
  const query = () => items().containedIn('name', [...names, 'a', 'f']);
  assert.deepEqual(valuesOf(await query().descending('name').select('name', 'n').find()), ['f', 'a']);
  assert.equal(await query().count(), 2);
  assert.equal((await query().ascending('name').first()).get('name'), 'a');
  assert.deepEqual((await query().limit(1).findAndCount())[1], 2);
  await failsWith(101, new AV.Query(newClass('Nobody')).containedIn('name', names).find());
});

// More objects than a page has.

const many = newClass('Many');
before(() => makeAll(many, range(130).map(n => ({ n, even: n % 2 === 0 }))));

test('a page has 100 objects unless asked otherwise', async () => {
  assert.equal((await new AV.Query(many).find()).length, 100);
  assert.equal((await new AV.Query(many).limit(1000).find()).length, 130);
});

test('a limit above 1000 means the default', async () => {
  assert.equal((await new AV.Query(many).limit(1001).find()).length, 100);
});

test('each brings every object once', async () => {
  const seen = [];
  await new AV.Query(many).equalTo('even', true).each(object => seen.push(object.get('n')), { batchSize: 30 });
  assert.deepEqual(seen.sort((a, b) => a - b), range(65).map(n => 2 * n));
});

test('scan brings every object once, by id', async () => {
  const objects = await scanned(new AV.Query(many), { batchSize: 40 });
  assert.deepEqual(valuesOf(objects, 'n').sort((a, b) => a - b), range(130));
  const found = objects.map(object => object.id);
  assert.deepEqual(found, [...found].sort());
});

test('scan ends well when the last page is full', async () => {
  assert.equal((await scanned(new AV.Query(many), { batchSize: 65 })).length, 130);
  assert.equal((await scanned(new AV.Query(many), { batchSize: 130 })).length, 130);
});

test('scan takes conditions, an order and a selection', async () => {
  const query = () => new AV.Query(many).greaterThanOrEqualTo('n', 100);
  assert.deepEqual(valuesOf(await scanned(query(), { batchSize: 7, orderedBy: 'n' }), 'n'), range(30).map(n => n + 100));
  assert.deepEqual(valuesOf(await scanned(query(), { batchSize: 7, orderedBy: '-n' }), 'n'), range(30).map(n => 129 - n));
  const [object] = await scanned(query().select('even'), { batchSize: 100 });
  assert.deepEqual(Object.keys(object.attributes), ['even']);
});

test('scan that finds nothing ends', async () => {
  assert.deepEqual(await scanned(new AV.Query(many).equalTo('n', -1)), []);
});

test('scan needs the master key', async () => {
  await failsWith([1, 401, 403], new AV.Query(many).scan().next());
});

test('scan of a class that nobody made is 101', async () => {
  await failsWith(101, scanned(new AV.Query(newClass('Nobody'))));
});

test('destroyAll of a query deletes what it finds', async () => {
  const doomed = newClass('Doomed');
  await makeAll(doomed, range(10).map(n => ({ n })));
  await new AV.Query(doomed).lessThan('n', 7).destroyAll();
  assert.deepEqual(sorted(await new AV.Query(doomed).find(), 'n'), [7, 8, 9]);
});

test('a class whose objects were all deleted still exists', async () => {
  const object = await make(newClass('Emptied'), { n: 1 });
  await object.destroy();
  assert.deepEqual(await new AV.Query(object.className).find(), []);
});

test('the master key finds the same', async () => {
  assert.equal(await items().count(master), 6);
});

// Queries that cannot be. The documents do not tell LeanCloud's numbers for them.

const WRONG = {
  'an unknown operator': { where: { n: { $bogus: 1 } } },
  'a regular expression that is none': { where: { s: { $regex: '(' } } },
  '$or without a list': { where: { $or: { n: 1 } } },
  'where that is no JSON': { where: '{bad' },
};

for (const [title, query] of Object.entries(WRONG)) {
  test(`${title} is an error of the client`, async () => {
    const error = await failsWith([1, 102, 107, 700], send('GET', `/classes/${className}`, { query }));
    assert.match(error.message, /\[400 GET http/);
  });
}
