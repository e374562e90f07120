// One store, two dialects: what one SDK writes, the other reads with its own types.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { range } from '../checks.mjs';
import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';
import { newClass } from '../target.mjs';

const { AV } = leancloud;
const { Parse } = parse;

const PLAIN = {
  'a text': 'Grüße, 你好, 👩‍👩‍👧‍👦',
  'an empty text': '',
  'an integer': 42,
  'a large integer': Number.MAX_SAFE_INTEGER,
  'a fraction': -0.1,
  'a huge number': 1e300,
  true: true,
  false: false,
  'a list': [1, 'two', [3, []], { four: 5 }, null],
  'an object': { a: 1, 'b c': { d: [true, null] }, e: {} },
  bytes: { __type: 'Bytes', base64: 'VGhpcyBpcyBhIHRlc3Q=' },
  'a long list': range(500),
};

/** Writes with one SDK, reads with the other: once in each direction. */
function bothWays(title, check) {
  test(`${title}: from Parse to LeanCloud`, () => check(parse, leancloud));
  test(`${title}: from LeanCloud to Parse`, () => check(leancloud, parse));
}

async function handOver(from, to, attributes) {
  const object = await from.make(newClass('Cross'), attributes);
  return { object, found: await to.fresh(object) };
}

for (const [title, value] of Object.entries(PLAIN)) {
  bothWays(title, async (from, to) => {
    const { found } = await handOver(from, to, { value });
    assert.deepEqual(found.get('value'), value);
  });
}

bothWays('null is no value', async (from, to) => {
  const { found } = await handOver(from, to, { nothing: null, n: 1 });
  assert.deepEqual([found.has('nothing'), found.get('n')], [false, 1]);
});

bothWays('a date, alone and nested', async (from, to) => {
  const date = new Date('2024-01-02T03:04:05.678Z');
  const { found } = await handOver(from, to, { date, o: { date }, list: [date] });
  assert.ok(found.get('date') instanceof Date);
  assert.deepEqual([found.get('date'), found.get('o'), found.get('list')], [date, { date }, [date]]);
});

bothWays('id and times', async (from, to) => {
  const { object, found } = await handOver(from, to, { n: 1 });
  assert.deepEqual([found.id, found.createdAt, found.updatedAt], [object.id, object.createdAt, object.updatedAt]);
});

bothWays('a pointer, alone and nested', async (from, to) => {
  const item = await from.make(newClass('Item'), { name: 'sword' });
  const { found } = await handOver(from, to, { item, o: { item }, list: [item] });
  for (const pointer of [found.get('item'), found.get('o').item, found.get('list')[0]]) {
    assert.deepEqual([pointer.className, pointer.id], [item.className, item.id]);
    assert.equal((await pointer.fetch()).get('name'), 'sword');
  }
});

test('a GeoPoint: from Parse to LeanCloud', async () => {
  const point = new Parse.GeoPoint(40.5, -30.25);
  const { found } = await handOver(parse, leancloud, { point, o: { point } });
  for (const each of [found.get('point'), found.get('o').point]) {
    assert.ok(each instanceof AV.GeoPoint);
    assert.deepEqual([each.latitude, each.longitude], [40.5, -30.25]);
  }
});

test('a GeoPoint: from LeanCloud to Parse', async () => {
  const point = new AV.GeoPoint(40.5, -30.25);
  const { found } = await handOver(leancloud, parse, { point, o: { point } });
  for (const each of [found.get('point'), found.get('o').point]) {
    assert.ok(each instanceof Parse.GeoPoint);
    assert.deepEqual([each.latitude, each.longitude], [40.5, -30.25]);
  }
});

test('a file: from Parse to LeanCloud', async () => {
  const file = Parse.File.fromJSON({ __type: 'File', name: 'abc_hello.txt', url: 'http://files.example/abc_hello.txt' });
  const { found } = await handOver(parse, leancloud, { file });
  assert.ok(found.get('file') instanceof AV.File);
  assert.equal(found.get('file').name(), 'abc_hello.txt');
  assert.match(found.get('file').url(), /abc_hello\.txt$/);
});

test('a file: from LeanCloud to Parse', async () => {
  const file = { __type: 'File', objectId: '5a0000000000000000000001', name: 'hello.txt', url: 'http://files.example/hello.txt' };
  const { found } = await handOver(leancloud, parse, { file });
  assert.ok(found.get('file') instanceof Parse.File);
  assert.equal(found.get('file').name(), 'hello.txt');
  assert.match(found.get('file').url(), /hello\.txt$/);
});

test('a polygon, which LeanCloud does not know, hides nothing else', async () => {
  const polygon = new Parse.Polygon([[0, 0], [0, 1], [1, 1]]);
  const { found } = await handOver(parse, leancloud, { polygon, n: 1 });
  assert.equal(found.get('n'), 1);
});

bothWays('an ACL', async (from, to) => {
  const acl = { '*': { read: true, write: true }, someuserid: { read: true }, 'role:editors': { write: true } };
  const { ACL } = from === parse ? Parse : AV;
  const object = await from.make(newClass('Guarded'), { ACL: new ACL(acl) });
  const found = to === parse ? await to.fresh(object) : await to.reference(object.className, object.id).fetch({ includeACL: true });
  assert.deepEqual(found.getACL().toJSON(), acl);
});

test('an object that Parse made without an ACL is open to all for LeanCloud', async () => {
  const object = await parse.make(newClass('Open'));
  const found = await leancloud.reference(object.className, object.id).fetch({ includeACL: true });
  assert.deepEqual(found.getACL().toJSON(), { '*': { read: true, write: true } });
});

bothWays('a relation', async (from, to) => {
  const [a, b] = await from.makeAll(newClass('Member'), [{ name: 'a' }, { name: 'b' }]);
  const owner = await from.make(newClass('Owner'));
  owner.relation('members').add([a, b]);
  await owner.save();
  const found = await to.fresh(owner);
  const members = await found.relation('members').query().ascending('name').find();
  assert.deepEqual(members.map(member => [member.className, member.id]), [[a.className, a.id], [b.className, b.id]]);
});
