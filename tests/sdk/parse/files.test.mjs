// Files: uploads in each form that the SDK has, what is known of them, and files as values of objects.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { before, test } from 'node:test';

import { newClass, parse as target, reached } from '../target.mjs';
import { Parse, as, fresh, make, master, newName, send, signUp } from './sdk.mjs';

const HELLO = Buffer.from('hello');

let user;
before(async () => {
  user = as(await signUp());
});

async function download(file, init) {
  const answer = await fetch(reached(file.url()), init);
  return { status: answer.status, type: answer.headers.get('content-type'), body: Buffer.from(await answer.arrayBuffer()) };
}

test('bytes as a list of numbers', async () => {
  const file = await new Parse.File('a.txt', [104, 101, 108, 108, 111]).save(user);
  assert.match(file.name(), /^[0-9a-f]{32}_a\.txt$/);
  assert.deepEqual(await download(file), { status: 200, type: 'text/plain', body: HELLO });
});

test('base64, with and without a data URI', async () => {
  for (const base64 of ['aGVsbG8=', 'data:text/plain;base64,aGVsbG8=']) {
    const file = await new Parse.File('a.txt', { base64 }).save(user);
    assert.deepEqual((await download(file)).body, HELLO);
  }
});

test('a Buffer, which the SDK sends as a stream', async () => {
  const bytes = Buffer.alloc(3_000_000, 'xyz');
  const file = await new Parse.File('big.bin', bytes, 'application/octet-stream').save(user);
  assert.ok((await download(file)).body.equals(bytes));
});

test('a stream of Node.js', async () => {
  const file = await new Parse.File('a.txt', Readable.from([Buffer.from('hel'), Buffer.from('lo')]), 'text/plain').save(user);
  assert.deepEqual((await download(file)).body, HELLO);
});

test('a name without an ending has that of its type, and an ending says the type', async () => {
  const file = await new Parse.File('noext', { base64: 'aGVsbG8=' }, 'text/plain').save(user);
  assert.match(file.name(), /_noext\.txt$/);
  const image = await new Parse.File('a.png', { base64: 'aGVsbG8=' }, 'text/plain').save(user);
  assert.equal((await download(image)).type, 'image/png');
});

test('names keep their spaces, and addresses have them encoded', async () => {
  const file = await new Parse.File('my photo @home.txt', [1]).save(user);
  assert.match(file.name(), /_my photo @home\.txt$/);
  assert.match(file.url(), /_my%20photo%20/);
  assert.equal((await download(file)).status, 200);
});

test('a directory is for the master', async () => {
  const inside = () => {
    const file = new Parse.File('a.txt', HELLO, 'text/plain');
    file.setDirectory('photos/2026');
    return file; // which remembers a save that was refused
  };
  await assert.rejects(inside().save(user), { code: 119 });
  const file = await inside().save(master);
  assert.match(file.name(), /^photos\/2026\/[0-9a-f]{32}_a\.txt$/);
  assert.deepEqual((await download(file)).body, HELLO);
});

test('metadata and tags', async () => {
  for (const data of [HELLO, { base64: 'aGVsbG8=' }]) {
    const file = new Parse.File('a.txt', data, 'text/plain', { author: 'tom' }, { kind: 'greeting' });
    file.addMetadata('pages', 2);
    await file.save(user);
    const told = await fetch(`${target.serverURL}/files/${target.appId}/metadata/${encodeURIComponent(file.name())}`);
    assert.deepEqual(await told.json(), { metadata: { author: 'tom', pages: 2 }, tags: { kind: 'greeting' } });
  }
  const none = await fetch(`${target.serverURL}/files/${target.appId}/metadata/nothing.txt`);
  assert.deepEqual(await none.json(), {});
});

test('a part of it, by range', async () => {
  const file = await new Parse.File('a.txt', HELLO, 'text/plain').save(user);
  const { status, body } = await download(file, { headers: { range: 'bytes=1-3' } });
  assert.equal(status, 206);
  assert.equal(body.toString(), 'ell');
});

test('only the master deletes a file, and its bytes are gone', async () => {
  const file = await new Parse.File('a.txt', HELLO, 'text/plain').save(user);
  await assert.rejects(send('DELETE', `files/${file.name()}`, {}, user));
  assert.equal((await download(file)).status, 200);
  await file.destroy();
  const gone = await download(file);
  assert.deepEqual([gone.status, gone.body.toString()], [404, 'File not found.']);
});

test('a file in an object, in lists and in maps of it', async () => {
  const file = await new Parse.File('a.txt', HELLO, 'text/plain').save(user);
  const object = await make(newClass('Attached'), { file, list: [file, 1], map: { deep: { file } } });
  const found = await fresh(object);
  for (const told of [found.get('file'), found.get('list')[0], found.get('map').deep.file]) {
    assert.ok(told instanceof Parse.File);
    assert.equal(told.name(), file.name());
    assert.equal(told.url(), file.url());
  }
  assert.deepEqual((await download(found.get('file'))).body, HELLO);
});

test('a file that is not saved yet is saved with its object', async () => {
  const file = new Parse.File('a.txt', { base64: 'aGVsbG8=' });
  const object = await new Parse.Object(newClass('Attached'), { file }).save(null, user);
  assert.equal((await fresh(object)).get('file').name(), file.name());
});

test('its name alone is enough', async () => {
  const file = await new Parse.File('a.txt', HELLO, 'text/plain').save(user);
  const className = newClass('Attached');
  const { objectId } = await send('POST', `classes/${className}`, { file: { __type: 'File', name: file.name() } });
  assert.deepEqual((await send('GET', `classes/${className}/${objectId}`)).file, file.toJSON());
});

test('objects are found by their files', async () => {
  const [one, other] = await Promise.all(
    ['a.txt', 'b.txt'].map(name => new Parse.File(name, HELLO, 'text/plain').save(user))
  );
  const className = newClass('Attached');
  const object = await make(className, { file: one });
  await make(className, { file: other });
  await make(className, {});
  const found = await new Parse.Query(className).equalTo('file', one).find();
  assert.deepEqual(found.map(({ id }) => id), [object.id]);
  assert.equal(await new Parse.Query(className).exists('file').count(), 2);
});

test('who deletes an object deletes no file', async () => {
  const file = await new Parse.File('a.txt', HELLO, 'text/plain').save(user);
  await (await make(newClass('Attached'), { file })).destroy();
  assert.equal((await download(file)).status, 200);
});

test('what is no file is refused', async () => {
  const refused = async (file, options, code, message) => assert.rejects(file.save(options), { code, message });
  const invalid = 'Filename contains invalid characters.';
  await refused(new Parse.File('.hidden', [1]), user, 122, invalid);
  await refused(new Parse.File('a*b.txt', [1]), user, 122, invalid);
  await refused(new Parse.File('x'.repeat(129), [1]), user, 122, 'Filename too long.');
  await refused(new Parse.File('a.html', [1]), user, 130, 'File upload of extension html is disabled.');
  await refused(new Parse.File('a.svg', [1]), user, 130, 'File upload of extension svg is disabled.');
  await refused(new Parse.File('a.txt', [1]), {}, 130, 'File upload by public is disabled.');
  await refused(new Parse.File('a.txt', { base64: '' }), user, 130, 'Invalid file upload.');
  const guest = as(await Parse.AnonymousUtils.logIn());
  await refused(new Parse.File('a.txt', [1]), guest, 130, 'File upload by anonymous user is disabled.');
  await Parse.User.logOut();
  await new Parse.File('a.html', [1]).save(master);
});

test('the size that the master allows', async () => {
  const file = new Parse.File('a.bin', Buffer.alloc(2048), 'application/octet-stream');
  await assert.rejects(file.save({ ...master, maxUploadSize: '1kb' }), { code: 130 });
});

test('addresses of other applications, and of nothing', async () => {
  const file = await new Parse.File(`${newName()}.txt`, HELLO, 'text/plain').save(user);
  const denied = await fetch(reached(file.url()).replace(`/${target.appId}/`, '/other/'));
  assert.deepEqual([denied.status, await denied.json()], [403, { error: 'Permission denied' }]);
  const missing = await fetch(`${target.serverURL}/files/${target.appId}/nothing.txt`);
  assert.deepEqual([missing.status, await missing.text()], [404, 'File not found.']);
});
