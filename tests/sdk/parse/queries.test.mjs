// What a query finds, and what of it. Parse Server and its SDKs on the wire.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { failsWith, range, sorted, valuesOf } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { make, makeAll, Parse, reference, send } from './sdk.mjs';

const className = newClass('Item');
const owner = reference('Owner', 'owner00001');
const otherOwner = reference('Owner', 'owner00002');
const day = number => new Date(Date.UTC(2024, 0, number, 12, 30, 15, 250));

// The field `name` tells which were found. `e` has nothing but its name.
const ITEMS = [
  { name: 'a', n: 1, s: 'apple', b: true, tags: ['x', 'y'], nums: [1, 2], day: day(1), owner, o: { k: { v: 1 }, w: 'one' } },
  { name: 'b', n: 2, s: 'Banana', b: false, tags: ['y', 'z'], nums: [2, 3], day: day(2), owner, o: { k: { v: 2 }, w: 'two' } },
  { name: 'c', n: 3, s: 'cherry pie', b: true, tags: ['z'], nums: [], day: day(3), owner: otherOwner, o: { k: { v: 3 } } },
  { name: 'd', n: 3, s: '50% (of) a.b*c_d', b: false, tags: [], nums: [1, 2, 3, 4], day: day(4), owner: otherOwner, o: {} },
  { name: 'e' },
  { name: 'f', n: -1.5, s: 'two\nLines here', b: true, tags: ['x', 'y', 'z', 'x'], nums: [9], day: new Date(0), o: { w: 'one', list: ['p', 'q'] } },
];

let ids;
before(async () => {
  const objects = await makeAll(className, ITEMS);
  ids = Object.fromEntries(objects.map(object => [object.get('name'), object.id]));
});

const items = () => new Parse.Query(className);
const anyOf = (...names) => names.map(name => ids[name]);

// title: [a query, the names of what it finds, in the order of names]
const FINDS = {
  'no condition finds all': [q => q, 'abcdef'],

  'equalTo a number': [q => q.equalTo('n', 3), 'cd'],
  'equalTo a fraction': [q => q.equalTo('n', -1.5), 'f'],
  'equalTo a text is exact': [q => q.equalTo('s', 'apple'), 'a'],
  'equalTo a text minds case': [q => q.equalTo('s', 'banana'), ''],
  'equalTo true': [q => q.equalTo('b', true), 'acf'],
  'equalTo false does not find missing fields': [q => q.equalTo('b', false), 'bd'],
  'equalTo a date': [q => q.equalTo('day', day(2)), 'b'],
  'equalTo a pointer': [q => q.equalTo('owner', owner), 'ab'],
  'equalTo a pointer to another class with the same id': [q => q.equalTo('owner', reference('Nobody', owner.id)), ''],
  'equalTo on a list of texts: contains': [q => q.equalTo('tags', 'x'), 'af'],
  'equalTo on a list of numbers: contains': [q => q.equalTo('nums', 2), 'abd'],
  'equalTo a whole list': [q => q.equalTo('tags', ['x', 'y']), 'a'],
  'equalTo a whole object': [q => q.equalTo('o', { k: { v: 1 }, w: 'one' }), 'a'],
  'equalTo null finds objects without a value': [q => q.equalTo('n', null), 'e'],
  'equalTo undefined is doesNotExist': [q => q.equalTo('n', undefined), 'e'],
  'equalTo several fields at once': [q => q.equalTo({ n: 3, b: true }), 'c'],
  'equalTo a field that no object has': [q => q.equalTo('nosuch', 1), ''],

  'notEqualTo finds objects without the field': [q => q.notEqualTo('n', 3), 'abef'],
  'notEqualTo null finds objects with a value': [q => q.notEqualTo('n', null), 'abcdf'],
  'notEqualTo a text': [q => q.notEqualTo('s', 'apple'), 'bcdef'],
  'notEqualTo a pointer': [q => q.notEqualTo('owner', owner), 'cdef'],
  'notEqualTo on a list: does not contain': [q => q.notEqualTo('tags', 'x'), 'bcde'],

  'lessThan': [q => q.lessThan('n', 2), 'af'],
  'lessThanOrEqualTo': [q => q.lessThanOrEqualTo('n', 2), 'abf'],
  'greaterThan': [q => q.greaterThan('n', 2), 'cd'],
  'greaterThanOrEqualTo': [q => q.greaterThanOrEqualTo('n', 2), 'bcd'],
  'a range': [q => q.greaterThanOrEqualTo('n', 1).lessThan('n', 3), 'ab'],
  'comparisons of texts go by code points': [q => q.lessThan('s', 'a'), 'bd'],
  'comparisons of dates': [q => q.greaterThan('day', day(2)), 'cd'],
  'comparisons of dates before and at a moment': [q => q.lessThanOrEqualTo('day', day(1)), 'af'],
  'comparisons with a whole day': [q => q.greaterThanOrEqualTo('day', new Date('2024-01-02')).lessThan('day', new Date('2024-01-03')), 'b'],

  'containedIn': [q => q.containedIn('n', [1, 3, 99]), 'acd'],
  'containedIn with null finds objects without the field': [q => q.containedIn('n', [1, null]), 'ae'],
  'containedIn nothing': [q => q.containedIn('n', []), ''],
  'containedIn texts': [q => q.containedIn('s', ['apple', 'Banana']), 'ab'],
  'containedIn dates': [q => q.containedIn('day', [day(1), day(3)]), 'ac'],
  'containedIn pointers': [q => q.containedIn('owner', [otherOwner]), 'cd'],
  'containedIn on a list: has one of them': [q => q.containedIn('tags', ['x', 'z']), 'abcf'],
  'notContainedIn finds objects without the field': [q => q.notContainedIn('n', [1, 3]), 'bef'],
  'notContainedIn nothing finds all': [q => q.notContainedIn('n', []), 'abcdef'],
  'notContainedIn pointers': [q => q.notContainedIn('owner', [owner]), 'cdef'],
  'notContainedIn on a list: has none of them': [q => q.notContainedIn('tags', ['x']), 'bcde'],

  'exists': [q => q.exists('n'), 'abcdf'],
  'exists for an empty list and an empty object': [q => q.exists('tags').exists('o'), 'abcdf'],
  'doesNotExist': [q => q.doesNotExist('n'), 'e'],
  'doesNotExist for a pointer': [q => q.doesNotExist('owner'), 'ef'],
  'exists for a field that no object has': [q => q.exists('nosuch'), ''],
  'doesNotExist for a field that no object has': [q => q.doesNotExist('nosuch'), 'abcdef'],

  'containsAll': [q => q.containsAll('tags', ['x', 'y']), 'af'],
  'containsAll of one': [q => q.containsAll('nums', [2]), 'abd'],
  'containsAll of what none has': [q => q.containsAll('tags', ['x', 'nosuch']), ''],
  'containsAllStartingWith': [q => q.containsAllStartingWith('tags', ['x', 'z']), 'f'],
  'containedBy: no other elements': [q => q.containedBy('tags', ['y', 'z']), 'bcd'],
  'containedBy numbers': [q => q.containedBy('nums', [1, 2, 3]), 'abc'],

  'matches a regular expression': [q => q.matches('s', /^[a-c]/), 'ac'],
  'matches a text as an expression': [q => q.matches('s', 'an+a$'), 'b'],
  'matches without case': [q => q.matches('s', /^B/i), 'b'],
  'matches without case by a modifier': [q => q.matches('s', 'BANANA', 'i'), 'b'],
  'matches line by line': [q => q.matches('s', '^Lines', 'm'), 'f'],
  'matches not line by line unless asked': [q => q.matches('s', '^Lines'), ''],
  'matches with . for a line end': [q => q.matches('s', 'two.Lines', 's'), 'f'],
  'matches . for no line end unless asked': [q => q.matches('s', 'two.Lines'), ''],
  'matches with white space left out': [q => q.matches('s', 'ap p le', 'x'), 'a'],
  'matches with several modifiers': [q => q.matches('s', '^lines.*', 'im'), 'f'],
  'matches classes and alternatives': [q => q.matches('s', '^(apple|\\w+ pie)$'), 'ac'],
  'contains': [q => q.contains('s', 'an'), 'b'],
  'contains a space': [q => q.contains('s', ' '), 'cdf'],
  'contains takes special characters literally': [q => q.contains('s', '(of) a.b*c'), 'd'],
  'contains takes a dot literally': [q => q.contains('s', 'a.p'), ''],
  'contains takes a percent sign literally': [q => q.contains('s', '0%'), 'd'],
  'contains of a character that only looks like a wildcard': [q => q.contains('s', '_pple'), ''],
  'startsWith': [q => q.startsWith('s', 'ch'), 'c'],
  'startsWith takes special characters literally': [q => q.startsWith('s', '50% ('), 'd'],
  'startsWith without case': [q => q.startsWith('s', 'bAN', 'i'), 'b'],
  'endsWith': [q => q.endsWith('s', 'pie'), 'c'],
  'endsWith takes special characters literally': [q => q.endsWith('s', '*c_d'), 'd'],
  'endsWith without case': [q => q.endsWith('s', 'PIE', 'i'), 'c'],

  'a dotted field': [q => q.equalTo('o.k.v', 2), 'b'],
  'a dotted field compared': [q => q.greaterThan('o.k.v', 1), 'bc'],
  'a dotted field among values': [q => q.containedIn('o.w', ['one']), 'af'],
  'a dotted field not equal': [q => q.notEqualTo('o.w', 'one'), 'bcde'],
  'a dotted field that exists': [q => q.exists('o.k'), 'abc'],
  'a dotted field that does not exist': [q => q.doesNotExist('o.w'), 'cde'],
  'a dotted field with a list': [q => q.equalTo('o.list', 'p'), 'f'],
  'a dotted field by expression': [q => q.startsWith('o.w', 't'), 'b'],

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
  const names = ['a\\Eb', '\\Q', 'x\\', '\\d', '[a]', '{1}', '^$', 'a|b', '\\E', 'ünï'];
  const quoted = newClass('Quoted');
  await makeAll(quoted, names.map(name => ({ name })));
  const query = () => new Parse.Query(quoted);
  for (const text of names) {
    const those = condition => names.filter(name => name[condition](text)).sort();
    assert.deepEqual(sorted(await query().startsWith('name', text).find()), those('startsWith'));
    assert.deepEqual(sorted(await query().endsWith('name', text).find()), those('endsWith'));
    assert.deepEqual(sorted(await query().contains('name', text).find()), those('includes'));
  }
});

test('objects are found by their id', async () => {
  assert.deepEqual(sorted(await items().equalTo('objectId', ids.b).find()), ['b']);
  assert.deepEqual(sorted(await items().containedIn('objectId', [...anyOf('a', 'c'), 'nosuchid00']).find()), ['a', 'c']);
  assert.deepEqual(sorted(await items().notEqualTo('objectId', ids.a).find()), ['b', 'c', 'd', 'e', 'f']);
  assert.deepEqual(sorted(await items().exists('objectId').find()), ['a', 'b', 'c', 'd', 'e', 'f']);
});

test('objects are found by the times the server gave them', async () => {
  const { createdAt } = await items().get(ids.a);
  const around = ms => new Date(createdAt.getTime() + ms);
  assert.equal(await items().lessThan('createdAt', around(60_000)).count(), 6);
  assert.equal(await items().greaterThan('createdAt', around(60_000)).count(), 0);
  assert.equal(await items().greaterThanOrEqualTo('updatedAt', createdAt).lessThan('updatedAt', around(60_000)).count(), 6);
  assert.ok((await items().equalTo('createdAt', createdAt).find()).some(object => object.id === ids.a));
});

test('or finds what any of the queries finds', async () => {
  const query = Parse.Query.or(items().equalTo('n', 1), items().equalTo('n', 3).equalTo('b', true), items().equalTo('name', 'e'));
  assert.deepEqual(sorted(await query.find()), ['a', 'c', 'e']);
});

test('or goes together with other conditions', async () => {
  const query = Parse.Query.or(items().equalTo('n', 1), items().equalTo('n', 2)).equalTo('b', false);
  assert.deepEqual(sorted(await query.find()), ['b']);
});

test('and finds what all of the queries find', async () => {
  const query = Parse.Query.and(items().greaterThan('n', 1), items().lessThan('n', 3));
  assert.deepEqual(sorted(await query.find()), ['b']);
});

test('nor finds what none of the queries finds', async () => {
  const query = Parse.Query.nor(items().equalTo('n', 1), items().equalTo('b', false));
  assert.deepEqual(sorted(await query.find()), ['c', 'e', 'f']);
});

test('or, and and nor nest', async () => {
  const query = Parse.Query.or(
    Parse.Query.and(items().equalTo('b', true), Parse.Query.nor(items().equalTo('n', 1))),
    Parse.Query.and(Parse.Query.or(items().equalTo('n', 2), items().equalTo('n', 1)), items().equalTo('tags', 'z'))
  );
  assert.deepEqual(sorted(await query.find()), ['b', 'c', 'f']);
});

test('a moment may be told relative to now', async () => {
  const timed = newClass('Timed');
  await makeAll(timed, [{ name: 'past', at: new Date(Date.now() - 864e5) }, { name: 'future', at: new Date(Date.now() + 864e5) }]);
  const find = at => Parse.Query.fromJSON(timed, { where: { at } }).find();
  assert.deepEqual(valuesOf(await find({ $lt: { $relativeTime: 'now' } })), ['past']);
  assert.deepEqual(valuesOf(await find({ $gt: { $relativeTime: '1 hour ago' } })), ['future']);
  assert.deepEqual(sorted(await find({ $lt: { $relativeTime: 'in 2 days' }, $gt: { $relativeTime: '1 wk ago' } })), ['future', 'past']);
});

test('a pointer inside an object is found', async () => {
  const holder = newClass('Holder');
  await makeAll(holder, [{ name: 'x', o: { p: owner } }, { name: 'y', o: { p: otherOwner } }, { name: 'z' }]);
  assert.deepEqual(valuesOf(await new Parse.Query(holder).equalTo('o.p', owner).find()), ['x']);
});

test('a dotted name goes into objects, not through pointers: it finds nothing, or is 102', async () => {
  const results = await items().equalTo('owner.name', 'ann').find().catch(error => {
    assert.equal(error.code, 102);
    return [];
  });
  assert.deepEqual(results, []);
});

test('$eq is equality', async () => {
  assert.deepEqual(sorted(await Parse.Query.fromJSON(className, { where: { n: { $eq: 3 } } }).find()), ['c', 'd']);
});

const ORDERS = {
  'ascending': [q => q.exists('n').ascending('n', 'name'), 'fabcd'],
  'descending': [q => q.exists('n').descending('n').addAscending('name'), 'cdbaf'],
  'by several keys, each in its own direction': [q => q.exists('n').ascending('b').addDescending('n').addAscending('name'), 'dbcaf'],
  'by keys in one text': [q => q.exists('n').ascending('n, name'), 'fabcd'],
  'by a text, by code points': [q => q.exists('s').ascending('s'), 'dbacf'],
  'by a date': [q => q.exists('day').descending('day'), 'dcbaf'],
  'by a dotted field': [q => q.exists('o.k').descending('o.k.v'), 'cba'],
  'by an unknown key: ignored': [q => q.ascending('nosuch').addDescending('name'), 'fedcba'],
};

for (const [title, [build, expected]] of Object.entries(ORDERS)) {
  test(`order ${title}`, async () => {
    assert.equal(valuesOf(await build(items()).find()).join(''), expected);
  });
}

test('order by creation', async () => {
  const timed = newClass('Timed');
  for (const name of ['x', 'y', 'z']) {
    const object = await make(timed, { name });
    while (Date.now() <= object.createdAt.getTime()) await new Promise(setImmediate);
  }
  assert.deepEqual(valuesOf(await new Parse.Query(timed).descending('createdAt').find()), ['z', 'y', 'x']);
  assert.deepEqual(valuesOf(await new Parse.Query(timed).ascending('updatedAt').find()), ['x', 'y', 'z']);
  assert.deepEqual(valuesOf(await new Parse.Query(timed).descending('_created_at').find()), ['z', 'y', 'x']);
});

test('limit and skip cut a page out of the results', async () => {
  const page = (skip, limit) => items().ascending('name').skip(skip).limit(limit).find();
  assert.deepEqual(valuesOf(await page(0, 2)), ['a', 'b']);
  assert.deepEqual(valuesOf(await page(2, 2)), ['c', 'd']);
  assert.deepEqual(valuesOf(await page(4, 10)), ['e', 'f']);
  assert.deepEqual(await page(6, 10), []);
  assert.deepEqual(await page(1000, 10), []);
  assert.deepEqual(await page(0, 0), []);
});

test('count counts all that match, whatever limit and skip are', async () => {
  assert.equal(await items().count(), 6);
  assert.equal(await items().limit(2).skip(3).count(), 6);
  assert.equal(await items().count({ useMasterKey: true }), 6);
});

test('withCount answers a page and the number of all', async () => {
  const { results, count } = await items().equalTo('b', true).ascending('name').limit(2).withCount().find();
  assert.deepEqual([valuesOf(results), count], [['a', 'c'], 3]);
  assert.deepEqual(await items().limit(0).withCount().find(), { results: [], count: 6 });
  assert.deepEqual(await new Parse.Query(newClass('Nobody')).withCount().find(), { results: [], count: 0 });
});

test('first answers the first by the order, or undefined', async () => {
  assert.equal((await items().descending('name').first()).get('name'), 'f');
  assert.equal((await items().ascending('name').skip(1).first()).get('name'), 'b');
  assert.equal(await items().equalTo('n', 99).first(), undefined);
});

test('get answers one object, also under conditions', async () => {
  assert.equal((await items().get(ids.c)).get('n'), 3);
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, items().equalTo('n', 1).get(ids.c));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, items().get('nosuchid00'));
});

test('select brings these fields, and the system fields', async () => {
  const object = await items().select('n', 's').get(ids.a);
  assert.deepEqual([object.get('n'), object.get('s')], [1, 'apple']);
  assert.ok(object.createdAt instanceof Date);
  assert.ok(object.updatedAt instanceof Date);
  const [json] = await items().equalTo('name', 'a').select(['n']).find({ json: true });
  assert.deepEqual(Object.keys(json).sort(), ['className', 'createdAt', 'n', 'objectId', 'updatedAt']);
});

test('select of a field that an object has not, or that no object has, leaves it out', async () => {
  const [json] = await items().equalTo('name', 'e').select('n', 'name', 'nosuch').find({ json: true });
  // the SDK puts undefined for what it asked for and did not get
  const keys = Object.keys(json).filter(key => json[key] !== undefined);
  assert.deepEqual(keys.sort(), ['className', 'createdAt', 'name', 'objectId', 'updatedAt']);
});

test('select of a dotted field brings at least that key', async () => {
  const object = await items().select('o.w').get(ids.b);
  assert.equal(object.get('o').w, 'two');
  assert.equal(object.has('n'), false);
});

test('exclude leaves fields out, but never the system fields', async () => {
  const [json] = await items().equalTo('name', 'a').exclude('n', 'o', 'tags', 'objectId', 'createdAt').find({ json: true });
  assert.deepEqual(Object.keys(json).sort(), ['b', 'className', 'createdAt', 'day', 'name', 'nums', 'objectId', 'owner', 's', 'updatedAt']);
});

test('exclude takes fields from a selection', async () => {
  const [json] = await items().equalTo('name', 'a').select('n', 's').exclude('n').find({ json: true });
  assert.deepEqual([json.n, json.s], [undefined, 'apple']);
});

test('hints, comments and read preferences are accepted', async () => {
  const query = items().equalTo('n', 1).hint('_id_').comment('why not').readPreference('SECONDARY', 'SECONDARY', 'SECONDARY');
  assert.deepEqual(valuesOf(await query.find()), ['a']);
});

// More objects than a page has.

const many = newClass('Many');
before(() => makeAll(many, range(230).map(n => ({ n, even: n % 2 === 0 }))));

test('a page has 100 objects unless asked otherwise', async () => {
  assert.equal((await new Parse.Query(many).find()).length, 100);
  assert.equal((await new Parse.Query(many).limit(1000).find()).length, 230);
  assert.equal((await new Parse.Query(many).limit(100_000).find()).length, 230);
});

test('findAll, each and eachBatch bring every object once', async () => {
  const all = await new Parse.Query(many).findAll();
  assert.deepEqual(valuesOf(all, 'n').sort((a, b) => a - b), range(230));
  const seen = [];
  await new Parse.Query(many).equalTo('even', true).each(object => seen.push(object.get('n')), { batchSize: 30 });
  assert.deepEqual(seen.sort((a, b) => a - b), range(115).map(n => 2 * n));
  const sizes = [];
  await new Parse.Query(many).eachBatch(batch => sizes.push(batch.length), { batchSize: 100 });
  assert.deepEqual(sizes, [100, 100, 30]);
});

test('ids sort as text, in order and in comparisons', async () => {
  const all = (await new Parse.Query(many).ascending('objectId').limit(1000).find()).map(object => object.id);
  assert.deepEqual(all, [...all].sort((a, b) => (a < b ? -1 : 1)));
  const rest = await new Parse.Query(many).greaterThan('objectId', all[150]).ascending('objectId').limit(1000).find();
  assert.deepEqual(rest.map(object => object.id), all.slice(151));
});

test('map, reduce and filter go over all pages', async () => {
  const query = () => new Parse.Query(many).lessThan('n', 50);
  assert.equal((await query().map(object => object.get('n'), { batchSize: 20 })).length, 50);
  assert.equal(await query().reduce((sum, object) => sum + object.get('n'), 0, { batchSize: 20 }), 1225);
  assert.equal((await query().filter(object => object.get('even'), { batchSize: 20 })).length, 25);
});

// Queries that cannot be.

const WRONG = {
  'an unknown operator': [{ where: { n: { $bogus: 1 } } }, [102, 107, 119]],
  'a regular expression that is none': [{ where: { s: { $regex: '(' } } }, 102],
  'a regular expression that is no text': [{ where: { s: { $regex: 1 } } }, 102],
  'an unknown option of a regular expression': [{ where: { s: { $regex: 'a', $options: 'q' } } }, 102],
  '$or without a list': [{ where: { $or: { n: 1 } } }, 102],
  '$and without a list': [{ where: { $and: { n: 1 } } }, 102],
  '$nor with an empty list': [{ where: { $nor: [] } }, 102],
  '$in without a list': [{ where: { n: { $in: 1 } } }, 107],
  '$inQuery without where': [{ where: { owner: { $inQuery: { className: 'Owner' } } } }, 102],
  'a condition on ACL': [{ where: { ACL: {} } }, 102],
  'a condition on a field that cannot be': [{ where: { 'bad-key': 1 } }, 105],
  'an order by a field that cannot be': [{ order: '$bad' }, 105],
  'where that is no JSON': [{ where: '{bad' }, 107],
  'a negative limit': [{ limit: -1 }, 102],
  'a negative skip': [{ skip: -1 }, 102],
  'a limit that is no number': [{ limit: 'abc' }, 102],
  'an unknown parameter': [{ foo: 'bar' }, 102],
  'a parameter of another dialect': [{ returnACL: true }, 102],
};

for (const [title, [parameters, code]] of Object.entries(WRONG)) {
  test(`${title} is ${[code].flat().join(' or ')}`, async () => {
    await failsWith(code, send('GET', `classes/${className}`, parameters));
  });
}

test('an unknown parameter of a get is 102', async () => {
  await failsWith(102, send('GET', `classes/${className}/${ids.a}`, { foo: 'bar' }));
});

test('a query with a value of another type than the column finds nothing, or is 102', async () => {
  const results = await items().equalTo('n', 'text').find().catch(error => {
    assert.equal(error.code, 102);
    return [];
  });
  assert.deepEqual(results, []);
});

test('a query on a class whose name cannot be is empty', async () => {
  assert.deepEqual(await send('GET', 'classes/1Bad'), { results: [] });
});

test('where may be a text of JSON', async () => {
  const { results } = await send('GET', `classes/${className}`, { where: JSON.stringify({ n: 3 }), order: 'name' });
  assert.deepEqual(results.map(object => object.name), ['c', 'd']);
});
