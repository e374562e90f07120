// One file, seen by each dialect: by its name, by its id, by its address.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';
import { newClass, reached } from '../target.mjs';

const { Parse } = parse;
const { AV } = leancloud;

let user;
before(async () => {
  user = parse.as(await parse.signUp());
});

const text = async address => (await fetch(reached(address))).text();

test('a file of Parse has an id for LeanCloud, without which the Python SDK cannot read it', async () => {
  const file = await new Parse.File('hello.txt', { base64: 'aGVsbG8=' }).save(user);
  const object = await parse.make(newClass('Attached'), { file });
  const told = (await leancloud.send('GET', `/classes/${object.className}/${object.id}`)).file;
  assert.equal(typeof told.objectId, 'string');
  assert.equal(told.name, file.name());
  assert.equal(await text(told.url), 'hello');
  const found = await new AV.Query('_File').get(told.objectId);
  assert.equal(found.get('mime_type'), 'text/plain');
});

test('a file of LeanCloud has a name and an address for Parse', async () => {
  const file = await new AV.File('hello.txt', { base64: 'aGVsbG8=' }).save();
  const object = await leancloud.make(newClass('Attached'), { file });
  const found = await new Parse.Query(object.className).get(object.id);
  assert.ok(found.get('file') instanceof Parse.File);
  assert.equal(await text(found.get('file').url()), 'hello');
  // and it can be sent back
  await found.save({ again: found.get('file') });
  const told = (await leancloud.send('GET', `/classes/${object.className}/${object.id}`)).again;
  assert.equal(told.objectId, file.id);
});

test('a file that stands elsewhere stays there', async () => {
  const url = 'http://files.example/abc_hello.txt';
  const file = Parse.File.fromJSON({ __type: 'File', name: 'abc_hello.txt', url });
  const object = await parse.make(newClass('Attached'), { file });
  assert.equal((await leancloud.send('GET', `/classes/${object.className}/${object.id}`)).file.url, url);
});

test('the master of Parse deletes it for all', async () => {
  const file = await new AV.File('hello.txt', { base64: 'aGVsbG8=' }).save();
  const object = await leancloud.make(newClass('Attached'), { file });
  const found = await new Parse.Query(object.className).get(object.id);
  await found.get('file').destroy();
  assert.equal((await fetch(reached(file.url()))).status, 404);
  await assert.rejects(new AV.Query('_File').get(file.id));
});
