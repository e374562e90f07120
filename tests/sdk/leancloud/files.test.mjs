// Files: announced, brought to the gateway by each of the ways that the SDK knows, seen, and deleted.

import assert from 'node:assert/strict';
import { createReadStream, mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';

import { AV, fresh, make, master, newName, send, signUp } from './sdk.mjs';
import { leancloud, newClass, reached } from '../target.mjs';

const text = async url => {
  const response = await fetch(reached(url));
  assert.equal(response.status, 200, await response.clone().text());
  return response.text();
};
const saved = (name, content, options) => new AV.File(name, Buffer.from(content)).save(options);
const fetched = id => AV.File.createWithoutData(id).fetch();
const fails = (promise, code, message) =>
  assert.rejects(promise, error => {
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.rawMessage ?? error.message, message);
    return true;
  });

describe('what the SDK can be given', () => {
  test('a buffer', async () => {
    const file = await saved('resume.txt', 'hello file');
    assert.equal(typeof file.id, 'string');
    assert.equal(file.size(), 10);
    assert.equal(file.ownerId(), 'unknown');
    assert.equal(file.get('mime_type'), 'text/plain');
    assert.equal(await text(file.url()), 'hello file');
  });

  test('an array of bytes, and base64', async () => {
    assert.equal(await text((await new AV.File('a.txt', [108, 101, 97, 110]).save()).url()), 'lean');
    const file = await new AV.File('中文.txt', { base64: 'd29ya2luZw==' }).save();
    assert.equal(file.get('mime_type'), 'text/plain');
    assert.equal(await text(file.url()), 'working');
  });

  test('a stream of which nobody says how long it is, in parts', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'files-')), 'stream.bin');
    writeFileSync(path, 'streamed '.repeat(50_000));
    const file = await new AV.File('stream-test.bin', createReadStream(path)).save();
    assert.equal(await text(file.url()), 'streamed '.repeat(50_000));
  });

  test('a stream of several parts, and what is in them in their order', async () => {
    const part = Buffer.alloc(16 * 1024 * 1024, 'a');
    async function* pieces() {
      yield part;
      yield Buffer.from('the end');
    }
    const file = await new AV.File('long.txt', Readable.from(pieces(), { objectMode: false, highWaterMark: part.length })).save();
    const response = await fetch(reached(file.url()), { headers: { range: 'bytes=-9' } });
    assert.equal(response.status, 206);
    assert.equal(await response.text(), 'aathe end');
  });

  test('nothing at all', async () => {
    assert.equal(await text((await saved('empty.txt', '')).url()), '');
  });
});

test('metadata, and the name with it, come back', async () => {
  const file = new AV.File('first.txt', Buffer.from('x'));
  file.metaData('author', 'tom');
  file.metaData('tags', ['a', { b: 1 }]);
  file.set('name', 'second.txt');
  await file.save();
  const found = await fetched(file.id);
  assert.equal(found.name(), 'second.txt');
  assert.equal(found.url(), file.url());
  assert.deepEqual(found.metaData(), { size: 1, owner: 'unknown', author: 'tom', tags: ['a', { b: 1 }] });
  assert.ok(found.createdAt instanceof Date);
});

test('the address ends as the name does, or with all of it', async () => {
  assert.match((await saved('a.jpeg', 'x')).url(), /^[^?#]+\/[0-9a-f]{32}\.jpeg$/);
  const kept = await saved('中 文.txt', 'x', { keepFileName: true });
  assert.match(kept.url(), new RegExp(`/[0-9a-f]{32}/${encodeURIComponent('中 文.txt')}$`));
  assert.equal(await text(kept.url()), 'x');
  assert.match((await saved('../../etc/passwd', 'x', { keepFileName: true })).url(), /\/[0-9a-f]{32}\/passwd$/);
});

test('a key of its own is for the master', async () => {
  const key = newName('key');
  await fails(saved('a.txt', 'x', { key }), 1, /^Unsupported file key. Please use masterKey to set file key./);
  const file = await saved('a.txt', 'mine', { key: `${key}/b.txt`, ...master });
  assert.ok(file.url().endsWith(`/${key}/b.txt`));
  assert.equal(await text(file.url()), 'mine');
  await assert.rejects(saved('a.txt', 'again', { key: `${key}/b.txt`, ...master }));
  assert.equal(await text(file.url()), 'mine');
  for (const bad of ['../x', 'a/../../b', 'a\\b', 'a\u0000b', 'x'.repeat(10_000)]) {
    await fails(saved('a.txt', 'x', { key: bad, ...master }), 122);
  }
});

test('a file that stands elsewhere is its address', async () => {
  const url = 'https://files.example/a%20b.jpg?size=2';
  const file = await AV.File.withURL('screen.jpg', url).save();
  const found = await fetched(file.id);
  assert.equal(found.url(), url);
  assert.equal(found.metaData('__source'), 'external');
  await file.destroy();
  const { objectId } = await send('POST', '/classes/files', { data: { name: 'a.jpg', url } });
  assert.equal((await send('GET', `/classes/_File/${objectId}`)).url, url);
});

test('a file in an object comes back whole, and is found by its id', async () => {
  const file = await saved('in.txt', 'in an object');
  const object = await make(newClass('Todo'), { file, list: [file] });
  const found = await fresh(object);
  for (const one of [found.get('file'), found.get('list')[0]]) {
    assert.ok(one instanceof AV.File);
    assert.equal(one.id, file.id);
    assert.equal(one.url(), file.url());
    assert.deepEqual([one.name(), one.size()], ['in.txt', 12]);
  }
  assert.equal(await new AV.Query(object.className).equalTo('file', file).count(), 1);
  const raw = await send('GET', `/classes/${object.className}/${object.id}`);
  assert.equal(raw.file.__type, 'File');
});

test('only the id of a file names it', async () => {
  const file = await saved('named.txt', 'x');
  const className = newClass('Staff');
  const { objectId } = await send('POST', `/classes/${className}`, { data: { file: { __type: 'File', id: file.id } } });
  const { file: found } = await send('GET', `/classes/${className}/${objectId}`);
  assert.deepEqual([found.objectId, found.url], [file.id, file.url()]);
});

test('files are queried as objects are', async () => {
  const name = newName('queried');
  const files = await Promise.all([1, 2].map(n => saved(name, `${n}`)));
  const ids = files.map(file => file.id).sort();
  const query = new AV.Query('_File').equalTo('name', name);
  assert.equal(await query.count(), 2);
  assert.deepEqual((await query.find()).map(file => file.id).sort(), ids);
  for (const path of ['/files', '/classes/files', '/classes/_File']) {
    const { results } = await send('GET', path, { query: { where: JSON.stringify({ name }) } });
    assert.deepEqual(results.map(file => file.objectId).sort(), ids);
    assert.deepEqual(Object.keys(results[0]).sort(), [
      'createdAt', 'key', 'metaData', 'mime_type', 'name', 'objectId', 'size', 'updatedAt', 'url',
    ]);
  }
});

test('what is said of a file changes, and where it is does not', async () => {
  const file = await saved('said.txt', 'x');
  await send('PUT', `/files/${file.id}`, { data: { metaData: { size: 1, note: 'new' } } });
  assert.equal((await fetched(file.id)).metaData('note'), 'new');
  for (const [key, value] of [['url', 'https://evil.example/'], ['key', 'other'], ['size', 3]]) {
    await fails(send('PUT', `/files/${file.id}`, { data: { [key]: value } }), 105);
  }
});

test('deleted, it is gone, and so are its bytes', async () => {
  const file = await saved('gone.txt', 'x');
  await file.destroy();
  assert.equal((await fetch(reached(file.url()))).status, 404);
  assert.equal(await new AV.Query('_File').equalTo('objectId', file.id).count(), 0);
});

test('an ACL says who sees, changes and deletes it', async () => {
  const [tom, ann] = [await signUp(), await signUp()];
  const file = new AV.File('own.txt', Buffer.from('mine'));
  file.setACL(new AV.ACL(tom));
  await file.save({ user: tom });
  assert.equal(await new AV.Query('_File').equalTo('objectId', file.id).count({ user: tom }), 1);
  assert.equal(await new AV.Query('_File').equalTo('objectId', file.id).count({ user: ann }), 0);
  await assert.rejects(file.destroy({ user: ann }));
  await assert.rejects(file.destroy());
  await assert.rejects(send('PUT', `/files/${file.id}`, { data: { name: 'x' }, authOptions: { user: ann } }));
  await file.destroy({ user: tom });
});

describe('without the SDK', () => {
  const announce = (more = {}) => send('POST', '/fileTokens', { data: { name: 'a.txt', metaData: {}, ...more } });
  const plain = (more = {}) =>
    fetch(`${leancloud.serverURL}/1.1/fileTokens`, {
      method: 'POST',
      headers: { 'X-LC-Id': leancloud.appId, 'X-LC-Key': leancloud.appKey, 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'a.txt', ACL: null, mime_type: null, metaData: {}, __type: 'File', ...more }),
    }).then(response => response.json());

  test('all that is told is text, as the SDKs of Go, Swift and C# want it', async () => {
    const told = await plain();
    assert.deepEqual(Object.keys(told).sort(), [
      'bucket', 'createdAt', 'key', 'mime_type', 'objectId', 'provider', 'token', 'upload_url', 'url',
    ]);
    for (const value of Object.values(told)) assert.ok(typeof value === 'string' && value);
    assert.equal(told.provider, 's3');
    assert.equal((await announce()).provider, 'qiniu');
  });

  test('until its bytes are there it is not', async () => {
    const told = await plain();
    assert.equal((await fetch(reached(told.url))).status, 404);
    assert.equal((await send('GET', '/files', { query: { where: JSON.stringify({ objectId: told.objectId }) } })).results.length, 0);
    assert.equal((await fetch(told.upload_url, { method: 'PUT', body: 'hello', headers: { 'content-type': 'text/html' } })).status, 200);
    const response = await fetch(reached(told.url));
    // what was announced counts, and not what comes with the bytes
    assert.equal(response.headers.get('content-type'), 'text/plain');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(await response.text(), 'hello');
    assert.equal((await send('GET', `/files/${told.objectId}`)).size, 5);
  });

  test('what did not arrive is taken back', async () => {
    const told = await plain();
    await fetch(told.upload_url, { method: 'PUT', body: 'hel' });
    assert.deepEqual(await send('POST', '/fileCallback', { data: { token: told.token, result: false } }), {});
    assert.equal((await fetch(reached(told.url))).status, 404);
    assert.equal((await fetch(told.upload_url, { method: 'PUT', body: 'more' })).status, 403);
    assert.deepEqual(await send('POST', '/fileCallback', { data: { token: told.token, result: true } }), {});
  });

  test('once it is there, the token is used up', async () => {
    const told = await plain();
    await fetch(told.upload_url, { method: 'PUT', body: 'first' });
    await send('POST', '/fileCallback', { data: { token: told.token, result: true } });
    assert.equal((await fetch(told.upload_url, { method: 'PUT', body: 'second' })).status, 403);
    await send('POST', '/fileCallback', { data: { token: told.token, result: false } });
    assert.equal(await text(told.url), 'first');
  });

  test('nobody brings bytes with a token that was not given', async () => {
    const told = await plain();
    const other = told.upload_url.replace(told.token, told.token.replace(/./, first => (first === '_' ? '-' : '_')));
    for (const method of ['PUT', 'POST']) {
      const body = method === 'PUT' ? 'x' : (() => { const form = new FormData(); form.append('file', new Blob(['x'])); return form; })();
      assert.equal((await fetch(other, { method, body })).status, 403);
    }
    assert.equal((await fetch(`${other}/buckets/files/objects/a/uploads`, { method: 'POST' })).status, 403);
    assert.equal((await fetch(told.upload_url.replace('/demo/', '/nobody/'), { method: 'PUT', body: 'x' })).status, 401);
  });

  test('an upload that breaks off leaves nothing', async () => {
    const told = await plain();
    await new Promise(resolve => {
      const upload = request(told.upload_url, { method: 'PUT', headers: { 'content-length': 1000 } });
      upload.on('error', resolve);
      upload.write('half', () => setTimeout(() => upload.destroy(new Error('broken')), 20));
    });
    assert.equal((await fetch(reached(told.url))).status, 404);
  });

  test('parts that were given up are gone, and their token is good for another try', async () => {
    const told = await announce();
    const base = `${told.upload_url}/buckets/${told.bucket}/objects/a/uploads`;
    const begin = () => fetch(base, { method: 'POST' }).then(response => response.json());
    const { uploadId } = await begin();
    assert.match((await (await fetch(`${base}/${uploadId}/1`, { method: 'PUT', body: 'wrong' })).json()).etag, /./);
    assert.equal((await fetch(`${base}/${uploadId}`, { method: 'DELETE' })).status, 200);
    assert.equal((await fetch(`${base}/${uploadId}`, { method: 'POST', body: '{}' })).status, 400);
    const { uploadId: again } = await begin();
    for (const [number, body] of [[2, 'world'], [1, 'bad'], [1, 'hello ']]) {
      assert.equal((await fetch(`${base}/${again}/${number}`, { method: 'PUT', body })).status, 200);
    }
    assert.equal((await fetch(`${base}/${again}/0`, { method: 'PUT', body: 'x' })).status, 400);
    assert.equal((await fetch(`${base}/${again}`, { method: 'POST', body: JSON.stringify({ parts: [] }) })).status, 200);
    assert.equal(await text(told.url), 'hello world');
  });

  test('pictures are not censored, and it says so', async () => {
    await fails(send('POST', '/files/abc/censor', { data: {} }), 1, /pictures/);
  });
});
