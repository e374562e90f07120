// Objects in the place of pointers. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { newClass } from '../target.mjs';
import { make, makeAll, Parse, reference } from './sdk.mjs';

const [Country, City, Person, Post] = ['Country', 'City', 'Person', 'Post'].map(newClass);

let country, city, ann, bob, post, gone;
before(async () => {
  country = await make(Country, { name: 'Italy', code: 'IT' });
  city = await make(City, { name: 'Rome', country });
  [ann, bob] = await makeAll(Person, [{ name: 'ann', age: 30, city }, { name: 'bob', age: 40 }]);
  gone = await make(Person, { name: 'gone' });
  post = await make(Post, { title: 'hi', author: ann, editors: [bob, gone, ann], deep: { p: bob, list: [ann] }, lost: gone, n: 1 });
  await gone.destroy();
});

const found = (...paths) => new Parse.Query(Post).include(...paths).get(post.id);

test('a pointer that is not included has no data', async () => {
  const object = await found();
  assert.equal(object.get('author').id, ann.id);
  assert.equal(object.get('author').has('name'), false);
});

test('an included object has all its fields', async () => {
  const author = (await found('author')).get('author');
  assert.ok(author instanceof Parse.Object);
  assert.deepEqual([author.className, author.id, author.get('name'), author.get('age')], [Person, ann.id, 'ann', 30]);
  assert.deepEqual(author.createdAt, ann.createdAt);
  assert.deepEqual(author.updatedAt, ann.updatedAt);
  assert.equal(author.get('city').has('name'), false);
});

test('include goes several levels deep, and includes the levels on its way', async () => {
  const author = (await found('author.city.country')).get('author');
  assert.deepEqual(
    [author.get('name'), author.get('city').get('name'), author.get('city').get('country').get('code')],
    ['ann', 'Rome', 'IT']
  );
});

test('include works for a list of pointers, which loses what is gone', async () => {
  const editors = (await found('editors')).get('editors');
  assert.deepEqual(editors.map(editor => editor.get('name')), ['bob', 'ann']);
});

test('include goes through a list of pointers', async () => {
  const [, second] = (await found('editors.city')).get('editors');
  assert.equal(second.get('city').get('name'), 'Rome');
});

test('include works inside objects', async () => {
  const { p, list } = (await found('deep.p', 'deep.list')).get('deep');
  assert.equal(p.get('name'), 'bob');
  assert.equal(list[0].get('name'), 'ann');
});

test('an included pointer to an object that is gone disappears', async () => {
  const object = await found('lost');
  assert.equal(object.has('lost'), false);
  assert.equal(object.get('title'), 'hi');
});

test('several includes go together', async () => {
  const object = await found('author', 'editors', 'author.city');
  assert.equal(object.get('author').get('city').get('name'), 'Rome');
  assert.equal(object.get('editors')[0].get('name'), 'bob');
});

test('includeAll includes every pointer and list of pointers, one level', async () => {
  const object = await new Parse.Query(Post).includeAll().get(post.id);
  assert.equal(object.get('author').get('name'), 'ann');
  assert.deepEqual(object.get('editors').map(editor => editor.get('name')), ['bob', 'ann']);
  assert.equal(object.get('author').get('city').has('name'), false);
});

test('including a plain field, a missing one or an unknown one does nothing', async () => {
  const object = await found('title', 'n', 'nosuch', 'author.name', 'author.nosuch.deeper');
  assert.deepEqual([object.get('title'), object.get('n')], ['hi', 1]);
  assert.equal(object.get('author').get('name'), 'ann');
});

test('the included object tells its type and class on the wire', async () => {
  const [json] = await new Parse.Query(Post).include('author').select('author').find({ json: true });
  assert.deepEqual(json.author, {
    __type: 'Object',
    className: Person,
    objectId: ann.id,
    createdAt: ann.createdAt.toJSON(),
    updatedAt: ann.updatedAt.toJSON(),
    name: 'ann',
    age: 30,
    city: city.toPointer(),
  });
});

test('select with a dotted name includes the object and trims it', async () => {
  const [json] = await new Parse.Query(Post).select('author.name').find({ json: true });
  assert.deepEqual(Object.keys(json.author).sort(), ['__type', 'className', 'createdAt', 'name', 'objectId', 'updatedAt']);
  assert.equal(json.author.name, 'ann');
  assert.equal(json.title, undefined);
});

test('the same object is included in many results', async () => {
  const Note = newClass('Note');
  await makeAll(Note, [{ author: ann }, { author: ann }, { author: bob }]);
  const notes = await new Parse.Query(Note).include('author').find();
  assert.deepEqual(notes.map(note => note.get('author').get('name')).sort(), ['ann', 'ann', 'bob']);
});

test('objects that point to each other can be included', async () => {
  const Friend = newClass('Friend');
  const one = await make(Friend, { name: 'one' });
  const two = await make(Friend, { name: 'two', friend: one });
  await one.save({ friend: two });
  const object = await new Parse.Query(Friend).include('friend.friend').get(one.id);
  assert.equal(object.get('friend').get('name'), 'two');
  assert.equal(object.get('friend').get('friend').get('name'), 'one');
});

test('fetchWithInclude includes', async () => {
  const object = await reference(Post, post.id).fetchWithInclude('author.city');
  assert.equal(object.get('author').get('city').get('name'), 'Rome');
});

test('fetchWithInclude takes several paths', async () => {
  const object = await reference(Post, post.id).fetchWithInclude(['author', ['editors']]);
  assert.equal(object.get('author').get('name'), 'ann');
  assert.equal(object.get('editors')[0].get('name'), 'bob');
});

test('fetchAllWithInclude includes', async () => {
  const [object] = await Parse.Object.fetchAllWithInclude([reference(Post, post.id)], ['author']);
  assert.equal(object.get('author').get('name'), 'ann');
});
