// One file, three dialects: what one SDK has uploaded the two others see, open and delete.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Backendless, asServerCode, makeTable } from '../backendless/sdk.mjs';
import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';
import * as target from '../target.mjs';

const { AV } = leancloud;
const { Parse } = parse;
const { Files } = Backendless;

const content = async url => {
  const response = await fetch(target.reached(url));
  return response.status === 200 ? response.text() : response.status;
};

/** Each answers the path, which is what all three have in common. */
const UPLOAD = {
  parse: async text => {
    const user = await parse.signUp();
    const file = await new Parse.File('cross.txt', { base64: Buffer.from(text).toString('base64') }).save(parse.as(user));
    assert.equal(await content(file.url()), text);
    return file.name();
  },
  leancloud: async text => {
    const file = await new AV.File('cross.txt', Buffer.from(text)).save();
    assert.equal(await content(file.url()), text);
    return (await leancloud.send('GET', `/files/${file.id}`)).key;
  },
  backendless: async text => {
    const directory = target.newClass('dir');
    const url = await Files.saveFile(directory, 'cross.txt', Buffer.from(text));
    assert.equal(await content(url), text);
    return `${directory}/cross.txt`;
  },
};

const found = path => new AV.Query('_File').equalTo('key', path).first();

const SEE = {
  // Parse has no class of files: there is one where its address leads to one
  parse: async path => {
    const { appId, serverURL } = target.parse;
    const told = await content(`${serverURL}/files/${appId}/${encodeURIComponent(path)}`);
    return told === 404 ? undefined : told;
  },
  leancloud: async path => {
    const file = await found(path);
    return file && content(file.get('url'));
  },
  backendless: async path => {
    if (!(await Files.exists(path))) return undefined;
    const [directory, name] = path.includes('/') ? path.split('/') : ['/', path];
    const [entry] = await Files.listing(directory, name);
    return content(entry.publicUrl);
  },
};

const DELETE = {
  parse: path => Parse.File.fromJSON({ __type: 'File', name: path, url: 'x' }).destroy(parse.master),
  leancloud: async path => (await found(path)).destroy(leancloud.master),
  backendless: path => asServerCode().Files.remove(path),
};

for (const [from, upload] of Object.entries(UPLOAD)) {
  describe(`uploaded by ${from}`, () => {
    for (const [by, remove] of Object.entries(DELETE)) {
      test(`it is seen by all, and deleted by ${by} it is gone for all`, async () => {
        const text = `${from} ${by} ${Math.random()}`;
        const path = await upload(text);
        for (const see of Object.values(SEE)) assert.equal(await see(path), text);
        await remove(path);
        for (const see of Object.values(SEE)) assert.equal(await see(path), undefined);
      });
    }
  });
}

test('a file in an object is a file for all', async () => {
  const table = await makeTable({ name: 'STRING', photo: 'FILE_REF' }, target.newClass('Photos'));
  const url = await Files.saveFile(target.newClass('dir'), 'ü photo.txt', Buffer.from('a photo'));
  const { objectId } = await Backendless.Data.of(table).save({ name: 'Tom', photo: url });
  const ofParse = (await parse.fresh(parse.reference(table, objectId))).get('photo');
  assert.ok(ofParse instanceof Parse.File);
  assert.equal(await content(ofParse.url()), 'a photo');
  const ofLeanCloud = (await leancloud.fresh(leancloud.reference(table, objectId))).get('photo');
  assert.ok(ofLeanCloud instanceof AV.File);
  assert.equal(typeof ofLeanCloud.id, 'string'); // without which the Python SDK cannot read it
  assert.equal(await content(ofLeanCloud.url()), 'a photo');

  const uploaded = await new AV.File('other.txt', Buffer.from('another')).save();
  const object = await leancloud.make(table, { name: 'Ann', photo: uploaded });
  const told = await Backendless.Data.of(table).findById(object.id);
  assert.equal(await content(told.photo), 'another');
  assert.equal(await content((await parse.fresh(parse.reference(table, object.id))).get('photo').url()), 'another');
});
