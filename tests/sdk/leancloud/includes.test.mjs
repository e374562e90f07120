// Objects in the place of pointers. LeanCloud and its SDKs on the wire; the storage REST guide, "Pointer Queries".

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { newClass } from '../target.mjs';
import { AV, make, makeAll, send } from './sdk.mjs';

const [Country, City, Person, Post] = ['Country', 'City', 'Person', 'Post'].map(newClass);

let ann, post;
before(async () => {
  const country = await make(Country, { name: 'Italy', code: 'IT' });
  const city = await make(City, { name: 'Rome', country });
  let bob;
  [ann, bob] = await makeAll(Person, [{ name: 'ann', age: 30, city }, { name: 'bob', age: 40 }]);
  post = await make(Post, { title: 'hi', author: ann, editors: [bob, ann], n: 1 });
});

const found = (...paths) => new AV.Query(Post).include(...paths).first();

test('an included object has all its fields', async () => {
  const author = (await found('author')).get('author');
  assert.ok(author instanceof AV.Object);
  assert.deepEqual([author.className, author.id, author.get('name'), author.get('age')], [Person, ann.id, 'ann', 30]);
  assert.deepEqual([author.createdAt, author.updatedAt], [ann.createdAt, ann.updatedAt]);
  assert.equal(author.get('city').get('name'), undefined);
});

test('include goes several levels deep', async () => {
  for (const paths of [['author.city.country'], ['author', 'author.city', 'author.city.country'], [['author', 'author.city.country']]]) {
    const author = (await found(...paths)).get('author');
    assert.deepEqual(
      [author.get('name'), author.get('city').get('name'), author.get('city').get('country').get('code')],
      ['ann', 'Rome', 'IT']
    );
  }
});

test('include works for a list of pointers', async () => {
  const editors = (await found('editors')).get('editors');
  assert.deepEqual(editors.map(editor => editor.get('name')), ['bob', 'ann']);
});

test('including a plain, a missing or an unknown field does nothing', async () => {
  const object = await found('title', 'nosuch', 'author');
  assert.deepEqual([object.get('title'), object.get('n'), object.get('author').get('name')], ['hi', 1, 'ann']);
});

test('include works in get', async () => {
  const object = await new AV.Query(Post).include('author.city').get(post.id);
  assert.equal(object.get('author').get('city').get('name'), 'Rome');
});

test('an included object tells its class on the wire', async () => {
  const { results: [{ author }] } = await send('GET', `/classes/${Post}`, { query: { include: 'author' } });
  assert.ok(['Pointer', 'Object'].includes(author.__type), author.__type);
  assert.deepEqual([author.className, author.objectId, author.createdAt], [Person, ann.id, ann.createdAt.toJSON()]);
});

test('select trims what is included', async () => {
  const object = await new AV.Query(Post).include('author').select('title', 'author.name').first();
  assert.deepEqual([object.get('title'), object.get('author').get('name'), object.get('author').get('age')], ['hi', 'ann', undefined]);
  assert.equal(object.get('n'), undefined);
});

test('objects that point to each other can be included', async () => {
  const Friend = newClass('Friend');
  const one = await make(Friend, { name: 'one' });
  const two = await make(Friend, { name: 'two', friend: one });
  await one.save({ friend: AV.Object.createWithoutData(Friend, two.id) });
  const object = await new AV.Query(Friend).include('friend.friend').get(one.id);
  assert.equal(object.get('friend').get('name'), 'two');
  assert.equal(object.get('friend').get('friend').get('name'), 'one');
});
