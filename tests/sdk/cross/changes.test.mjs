// One store, two dialects: both SDKs change and query the same objects.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { failsWith, range, sorted, valuesOf } from '../checks.mjs';
import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';
import { newClass } from '../target.mjs';

const { AV } = leancloud;
const { Parse } = parse;
const SDKS = { Parse: { ...parse, Query: Parse.Query, GeoPoint: Parse.GeoPoint }, LeanCloud: { ...leancloud, Query: AV.Query, GeoPoint: AV.GeoPoint } };

// Half of the objects are written by each SDK; every query is asked by both, and finds the same.

const className = newClass('Item');
const day = number => new Date(Date.UTC(2024, 0, number));

before(async () => {
  const ann = parse.reference('Person', 'ann0000001');
  await parse.makeAll(className, [
    { name: 'a', n: 1, s: 'apple', tags: ['x', 'y'], day: day(1), at: new Parse.GeoPoint(1, 1), owner: ann, o: { k: 1 } },
    { name: 'b', n: 2.5, s: 'Banana', tags: [], day: day(2), at: new Parse.GeoPoint(2, 2), o: { k: 2 } },
    { name: 'c' },
  ]);
  await leancloud.makeAll(className, [
    { name: 'd', n: 1, s: 'date', tags: ['y'], day: day(1), at: new AV.GeoPoint(3, 3), o: { k: 1, l: ['p'] } },
    { name: 'e', n: 7, s: 'egg (raw)', tags: ['x', 'z'], day: day(5), owner: leancloud.reference('Person', 'ann0000001') },
    { name: 'f', tags: null },
  ]);
});

const FINDS = {
  'a number': [q => q.equalTo('n', 1), 'ad'],
  'a comparison': [q => q.greaterThan('n', 1), 'be'],
  'a text': [q => q.startsWith('s', 'egg ('), 'e'],
  'an expression': [q => q.matches('s', '^[bd]a', 'i'), 'bd'],
  'an element of a list': [q => q.equalTo('tags', 'y'), 'ad'],
  'all elements of a list': [q => q.containsAll('tags', ['x', 'z']), 'e'],
  'not equal': [q => q.notEqualTo('n', 1), 'bcef'],
  'among values': [q => q.containedIn('n', [1, 7]), 'ade'],
  'a date': [q => q.equalTo('day', day(1)), 'ad'],
  'dates after another': [q => q.greaterThan('day', day(1)), 'be'],
  'a pointer': [(q, sdk) => q.equalTo('owner', sdk.reference('Person', 'ann0000001')), 'ae'],
  'a dotted field': [q => q.equalTo('o.k', 1), 'ad'],
  'a field that exists': [q => q.exists('owner'), 'ae'],
  'a field that does not exist': [q => q.doesNotExist('n'), 'cf'],
  'a place': [(q, sdk) => q.withinGeoBox('at', new sdk.GeoPoint(1.5, 1.5), new sdk.GeoPoint(4, 4)), 'bd'],
};

for (const [title, [build, expected]] of Object.entries(FINDS)) {
  for (const [name, sdk] of Object.entries(SDKS)) {
    test(`${name} finds by ${title}`, async () => {
      assert.equal(sorted(await build(new sdk.Query(className), sdk).find()).join(''), expected);
      assert.equal(await build(new sdk.Query(className), sdk).count(), expected.length);
    });
  }
}

for (const [name, sdk] of Object.entries(SDKS)) {
  test(`${name} sorts by distance and by fields`, async () => {
    const near = await new sdk.Query(className).near('at', new sdk.GeoPoint(3, 3)).find();
    assert.deepEqual(valuesOf(near), ['d', 'b', 'a']);
    const byNumber = await new sdk.Query(className).exists('n').descending('n').addAscending('name').find();
    assert.deepEqual(valuesOf(byNumber), ['e', 'b', 'a', 'd']);
  });
}

test('scan of LeanCloud sees what Parse wrote', async () => {
  assert.equal(sorted(await leancloud.scanned(new AV.Query(className), { batchSize: 4 })).join(''), 'abcdef');
});

test('findAll of Parse sees what LeanCloud wrote', async () => {
  assert.equal(sorted(await new Parse.Query(className).findAll({ batchSize: 4 })).join(''), 'abcdef');
});

test('a class that one SDK made exists for the other', async () => {
  const { className: made } = await parse.make(newClass('Made'));
  assert.equal((await new AV.Query(made).find()).length, 1);
  const { className: other } = await leancloud.make(newClass('Made'));
  assert.equal((await new Parse.Query(other).find()).length, 1);
});

test('a class that nobody made is empty for Parse and 101 for LeanCloud', async () => {
  const nobody = newClass('Nobody');
  assert.deepEqual(await new Parse.Query(nobody).find(), []);
  await failsWith(101, new AV.Query(nobody).find());
});

test('one includes what the other points to', async () => {
  const city = await leancloud.make(newClass('City'), { name: 'Rome' });
  const person = await parse.make(newClass('Person'), { name: 'ann', city: parse.reference(city.className, city.id) });
  const post = await leancloud.make(newClass('Post'), { author: leancloud.reference(person.className, person.id) });
  assert.equal((await parse.fresh(post, 'author.city')).get('author').get('city').get('name'), 'Rome');
  assert.equal((await leancloud.fresh(post, 'author.city')).get('author').get('city').get('name'), 'Rome');
});

test('increments of both at the same time are all counted', async () => {
  const object = await parse.make(newClass('Counter'), { n: 0 });
  const one = sdk => sdk.reference(object.className, object.id).increment('n').save();
  await Promise.all(range(30).map(n => one(n % 2 ? parse : leancloud)));
  assert.equal((await parse.fresh(object)).get('n'), 30);
  assert.equal((await leancloud.fresh(object)).get('n'), 30);
});

test('both change one list', async () => {
  const object = await leancloud.make(newClass('List'), { l: ['a'] });
  await parse.reference(object.className, object.id).add('l', 'b').save();
  await leancloud.reference(object.className, object.id).addUnique('l', ['b', 'c']).save();
  await parse.reference(object.className, object.id).remove('l', 'a').save();
  assert.deepEqual((await leancloud.fresh(object)).get('l'), ['b', 'c']);
});

test('both change one relation', async () => {
  const [a, b, c] = await parse.makeAll(newClass('Member'), [{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
  const owner = await parse.make(newClass('Owner'));
  owner.relation('members').add([a, b]);
  await owner.save();
  const other = leancloud.reference(owner.className, owner.id);
  other.relation('members').add(leancloud.reference(c.className, c.id));
  other.relation('members').remove(leancloud.reference(a.className, a.id));
  await other.save();
  assert.deepEqual(sorted(await owner.relation('members').query().find()), ['b', 'c']);
  const reverse = AV.Relation.reverseQuery(owner.className, 'members', leancloud.reference(b.className, b.id));
  assert.equal((await reverse.find())[0].id, owner.id);
});

test('bits that LeanCloud sets are a number for Parse', async () => {
  const object = await parse.make(newClass('Flags'), { flags: 1 });
  await leancloud.reference(object.className, object.id).bitOr('flags', 6).save();
  assert.equal((await parse.fresh(object)).get('flags'), 7);
});

test('what one unsets is gone for the other', async () => {
  const object = await parse.make(newClass('Unset'), { a: 1, b: 2 });
  await leancloud.reference(object.className, object.id).unset('a').save();
  const found = await parse.fresh(object);
  assert.deepEqual([found.has('a'), found.get('b')], [false, 2]);
});

test('what one deletes is gone for the other', async () => {
  const [a, b] = await parse.makeAll(newClass('Gone'), [{ n: 1 }, { n: 2 }]);
  await leancloud.reference(a.className, a.id).destroy();
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, parse.reference(a.className, a.id).fetch());
  await b.destroy();
  await failsWith(101, new AV.Query(b.className).get(b.id));
});

test('the type of a field holds for both', async () => {
  const { className: typed } = await parse.make(newClass('Typed'), { v: 1 });
  await failsWith(111, leancloud.make(typed, { v: 'one' }));
  const { className: other } = await leancloud.make(newClass('Typed'), { v: 'one' });
  await failsWith(Parse.Error.INCORRECT_TYPE, parse.make(other, { v: 1 }));
});

test('a conditional update of LeanCloud sees what Parse wrote', async () => {
  const object = await leancloud.make(newClass('Account'), { balance: 100 });
  await parse.reference(object.className, object.id).save({ balance: 10 });
  const query = new AV.Query(object.className).greaterThanOrEqualTo('balance', 50);
  await failsWith(305, object.increment('balance', -50).save(null, { query }));
});

test('updatedAt moves for both', async () => {
  const object = await parse.make(newClass('Timed'), { n: 1 });
  await new Promise(resolve => setTimeout(resolve, 3));
  await leancloud.reference(object.className, object.id).save({ n: 2 });
  const found = await parse.fresh(object);
  assert.ok(found.updatedAt > object.updatedAt);
  assert.deepEqual((await leancloud.fresh(object)).updatedAt, found.updatedAt);
});
