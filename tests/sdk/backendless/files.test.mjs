// Files: kept, appended to, listed, counted, moved, copied, deleted and permitted, by the SDK's own calls.

import assert from 'node:assert/strict';
import { mkdtempSync, createReadStream, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import Backendless4 from 'backendless4';
import Backendless5 from 'backendless5';
import Backendless6 from 'backendless6';

import * as target from '../target.mjs';
import { Backendless, asServerCode, fails, loggedIn, makeTable, send } from './sdk.mjs';

const { Files } = Backendless;
const { appId, apiKey, serverURL } = target.backendless;

/** A directory that no other test uses. */
const newDirectory = () => target.newClass('dir');
const keep = (path, content = '') => {
  const [, directory, name] = /^(.*?)\/?([^/]+)$/.exec(path);
  return Files.saveFile(directory || '/', name, Buffer.from(content), true);
};
const keepAll = paths => Promise.all(paths.map(path => keep(path, path)));
const content = async url => {
  const response = await fetch(target.reached(url));
  assert.equal(response.status, 200, url);
  return response.text();
};
const names = list => list.map(file => file.name);
const fileOf = (name, text) => {
  const path = join(mkdtempSync(join(tmpdir(), 'files-')), name);
  writeFileSync(path, text);
  return createReadStream(path);
};

describe('keeping', () => {
  test('bytes in base64, and the address that comes back has them', async () => {
    const directory = newDirectory();
    const url = await Files.saveFile(`${directory}/sub`, 'my file.txt', Buffer.from('hello'));
    assert.equal(target.reached(url), `${serverURL}/${appId}/${apiKey}/files/${directory}/sub/my%20file.txt`);
    assert.equal(await content(url), 'hello');
    assert.equal(await content(await Files.saveFile(directory, 'empty', Buffer.from(''))), '');
    const odd = await Files.saveFile(directory, `ü'"&?#%+日.txt`, Buffer.from('odd'));
    assert.equal(await content(odd), 'odd');
  });

  test('a stream, as a form', async () => {
    const directory = newDirectory();
    const { fileURL } = await Files.upload(fileOf('up.txt', 'streamed'), directory);
    assert.match(fileURL, new RegExp(`/files/${directory}/up\\.txt$`));
    assert.equal(await content(fileURL), 'streamed');
    assert.equal(await content((await Files.upload(fileOf('a.txt', 'renamed'), `${directory}/b.txt`)).fileURL), 'renamed');
  });

  test('what is there stays, unless it is to be overwritten', async () => {
    const directory = newDirectory();
    const url = await Files.saveFile(directory, 'a.txt', Buffer.from('first'));
    for (const overwrite of [undefined, false]) {
      await fails(Files.saveFile(directory, 'a.txt', Buffer.from('second'), overwrite), 6003);
      await fails(Files.upload(fileOf('a.txt', 'third'), directory, overwrite), 6003);
    }
    assert.equal(await content(url), 'first');
    assert.equal(await Files.saveFile(directory, 'a.txt', Buffer.from('second'), true), url);
    assert.equal(await content(url), 'second');
    await Files.upload(fileOf('a.txt', 'third'), directory, true);
    assert.equal(await content(url), 'third');
    await fails(Files.saveFile(`${directory}/a.txt`, 'b.txt', Buffer.from('x')), 6003);
  });

  test('base64 is for short files', async () => {
    const directory = newDirectory();
    const error = await fails(Files.saveFile(directory, 'long', Buffer.alloc(2_200_000)), 6016);
    assert.equal(error.status, 413);
    await Files.saveFile(directory, 'fits', Buffer.alloc(2_000_000));
    await fails(send('put', `/files/binary/${directory}/bad`, 'this is no base64!'), 1003);
  });
});

describe('appending', () => {
  test('text, bytes and a stream follow each other, and the address stays', async () => {
    const directory = newDirectory();
    const url = await Files.appendText(directory, 'log.txt', 'one ');
    assert.equal(await Files.appendText(`${directory}/log.txt`, 'zwei € '), url);
    assert.equal(await Files.append(directory, 'log.txt', Buffer.from('three ')), url);
    assert.equal(await Files.append(directory, 'log.txt', fileOf('x', 'four')), url);
    assert.equal(await content(url), 'one zwei € three four');
  });

  test('what looks like JSON is text', async () => {
    const url = await Files.appendText(newDirectory(), 'a.json', '{"a": 1}');
    assert.equal(await content(url), '{"a": 1}');
  });
});

describe('from elsewhere', () => {
  let server, base;
  before(async () => {
    server = createServer((request, response) =>
      request.url === '/a.txt' ? response.end('from elsewhere') : response.writeHead(404).end()
    );
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${server.address().port}`;
  });
  after(() => server.close());

  test('a host that the configuration does not name is not asked', async () => {
    const directory = newDirectory();
    await fails(Files.upload(`${base}/a.txt`, `${directory}/b.txt`), 4000);
    await fails(Files.append(directory, 'b.txt', `${base}/a.txt`), 4000);
    assert.equal(await Files.exists(`${directory}/b.txt`), false);
  });

  test('neither is any private address, however it is written', async () => {
    for (const host of ['127.0.0.1', 'localhost', '169.254.169.254', '[::1]', '2130706433', '0x7f.1', '0']) {
      await fails(Files.upload(`http://${host}/a.txt`, `${newDirectory()}/b.txt`), 4000);
    }
    await fails(Files.upload('file:///etc/passwd', `${newDirectory()}/b.txt`), 8000);
  });
});

describe('looking', () => {
  let directory;
  before(async () => {
    directory = newDirectory();
    await keepAll(['index.html', 'users.html', 'logo.png', 'subdir/one-more.html'].map(name => `${directory}/${name}`));
  });

  test('a listing', async () => {
    assert.deepEqual(names(await Files.listing(directory)), ['subdir', 'index.html', 'logo.png', 'users.html']);
    assert.deepEqual(names(await Files.listing(directory, '*.html')), ['index.html', 'users.html']);
    assert.deepEqual(names(await Files.listing(directory, '*.html', true)).sort(), [
      'index.html', 'one-more.html', 'users.html',
    ]);
    assert.deepEqual(names(await Files.listing(directory, null, true, 3, 1)), ['index.html', 'logo.png', 'one-more.html']);
    assert.ok(names(await Files.listing('/')).includes(directory));
  });

  test('what is told of a file', async () => {
    const [told] = await Files.listing(directory, 'logo.png');
    assert.deepEqual(Object.keys(told).sort(), ['createdOn', 'name', 'publicUrl', 'size', 'updatedOn', 'url']);
    assert.deepEqual([told.name, told.size, told.url], ['logo.png', `${directory}/logo.png`.length, `${directory}/logo.png`]);
    assert.ok(Math.abs(told.createdOn - Date.now()) < 60_000);
    assert.equal(await content(told.publicUrl), `${directory}/logo.png`);
  });

  test('how many', async () => {
    assert.equal(await Files.getFileCount(directory), 3);
    assert.equal(await Files.getFileCount(directory, '*.html'), 2);
    assert.equal(await Files.getFileCount(directory, '*.html', true), 3);
    assert.equal(await Files.getFileCount(directory, '*', true, true), 5);
  });

  test('whether it is there', async () => {
    for (const path of [directory, `${directory}/subdir`, `/${directory}/logo.png`]) assert.equal(await Files.exists(path), true);
    for (const path of [`${directory}/x`, 'exists/nothing']) assert.equal(await Files.exists(path), false);
    await fails(Files.listing(`${directory}/nothing`), 6000);
  });

  test('a directory is made, with those above it', async () => {
    await Files.createDirectory(`${directory}/a/b c`);
    assert.equal(await Files.exists(`${directory}/a/b c`), true);
    assert.deepEqual(await Files.listing(`${directory}/a/b c`), []);
    await fails(Files.createDirectory(`${directory}/a`), 6003);
    await Files.removeDirectory(`${directory}/a`);
  });
});

describe('moving', () => {
  test('a file, an empty directory, and one with files in it', async () => {
    const directory = newDirectory();
    await keepAll(['file', 'full/x/file'].map(name => `${directory}/${name}`));
    await Files.createDirectory(`${directory}/empty`);
    for (const name of ['file', 'empty', 'full']) {
      const [from, to, other] = ['', '-to', '-other'].map(end => `/${directory}/${name}${end}`);
      assert.ok((await Files.moveFile(from, to)).endsWith(`/files${to}`));
      assert.deepEqual([await Files.exists(from), await Files.exists(to)], [false, true]);
      assert.ok((await Files.copyFile(to, other)).endsWith(`/files${other}`));
      assert.deepEqual([await Files.exists(to), await Files.exists(other)], [true, true]);
      assert.ok((await Files.renameFile(other, `${name}-renamed`)).endsWith(`/files${from}-renamed`));
      assert.deepEqual([await Files.exists(other), await Files.exists(`${from}-renamed`)], [false, true]);
    }
    const url = `${serverURL}/${appId}/${apiKey}/files/${directory}`;
    assert.equal(await content(`${url}/full-renamed/x/file`), `${directory}/full/x/file`);
    await Files.remove(`${directory}/full-to`);
    // the copy has bytes of its own
    assert.equal(await content(`${url}/full-renamed/x/file`), `${directory}/full/x/file`);
    await fails(Files.moveFile(`${directory}/file-to`, `${directory}/file-renamed`), 6018);
  });

  test('nothing from nowhere', async () => {
    await fails(Files.renameFile('/rename/non-existing', 'whatever'), 6007);
    await fails(Files.moveFile('/move/non-existing', 'whatever'), 6007);
    await fails(Files.copyFile('/copy/non-existing', 'whatever'), 6007);
    await fails(Files.remove('/non/existing/file'), 6000);
  });
});

test('deleting, also by the address', async () => {
  const directory = newDirectory();
  const [one, two] = await keepAll([`${directory}/1.txt`, `${directory}/a b.txt`, `${directory}/sub/3.txt`]);
  assert.equal(await Files.remove(`${directory}/1.txt`), 1);
  assert.equal((await fetch(target.reached(one))).status, 404);
  assert.equal(await Files.remove(target.reached(two)), 1);
  assert.equal(await Files.exists(`${directory}/a b.txt`), false);
  assert.equal(await Files.remove(directory), 1);
  assert.equal(await Files.exists(directory), false);
});

test('no way out of where files are', async () => {
  const base = `${serverURL}/${appId}/${apiKey}/files`;
  for (const path of ['..%2f..%2fetc%2fpasswd', '%2e%2e%2fx', 'a%5cb', 'a%00b', `${'x'.repeat(3000)}`, 'a%2f%2fb', '%ff']) {
    const response = await fetch(`${base}/${path}`);
    assert.ok([400, 404].includes(response.status), `${path} ${response.status}`);
    assert.equal(typeof (await response.json()).code, 'number');
  }
  for (const name of ['..%2fx', 'a%5Cb', 'a%00']) {
    const response = await fetch(`${base}/binary/${newDirectory()}/${name}`, { method: 'PUT', body: 'aGVsbG8=' });
    assert.deepEqual([response.status, (await response.json()).code], [400, 6006]);
  }
  await fails(Files.moveFile('/a/../../x', 'y'), 6006);
  await fails(Files.renameFile('/a', '../x'), 6006);
});

test('an address in a column is a file', async () => {
  const url = await keep(`${newDirectory()}/photo.png`, 'a photo');
  const people = Backendless.Data.of(await makeTable({ name: 'STRING', photo: 'FILE_REF' }));
  const saved = await people.save({ name: 'Tom', photo: url });
  assert.equal(saved.photo, url);
  assert.equal((await people.findById(saved.objectId)).photo, url);
  assert.equal((await people.find(Backendless.Data.QueryBuilder.create().setWhereClause(`photo = '${url}'`))).length, 1);
});

describe('permissions', () => {
  test('who made a file says who may use it', async () => {
    const [tom, ann] = [await loggedIn(), await loggedIn()];
    const directory = newDirectory();
    const path = `${directory}/a.txt`;
    const url = await tom.sdk.Files.saveFile(directory, 'a.txt', Buffer.from('own'));
    const { READ, WRITE, DELETE } = tom.sdk.Files.Permissions;
    await fails(ann.sdk.Files.Permissions.READ.denyForAllUsers(path), 4000);

    await WRITE.denyForUser(ann.user.objectId, path);
    await fails(ann.sdk.Files.saveFile(directory, 'a.txt', Buffer.from('new'), true), 4000);
    await fails(ann.sdk.Files.appendText(path, 'more'), 4000);
    await DELETE.denyForAllRoles(path);
    await READ.denyForUser(ann.user.objectId, path);
    assert.equal(await ann.sdk.Files.exists(path), false);
    assert.deepEqual(await ann.sdk.Files.listing(directory), []);
    const opened = await fetch(target.reached(url), { headers: { 'user-token': ann.user['user-token'] } });
    assert.equal(opened.status, 403);
    assert.equal(await tom.sdk.Files.exists(path), true);

    await READ.grantForUser(ann.user.objectId, path);
    assert.equal(await ann.sdk.Files.exists(path), true);
    await fails(Files.remove(path), 4000);
    await DELETE.grantForAllUsers(path);
    assert.equal(await Files.remove(path), 1);
  });

  test('a directory has some, for all that is in it', async () => {
    const tom = await loggedIn();
    const directory = newDirectory();
    await tom.sdk.Files.saveFile(`${directory}/sub`, 'a.txt', Buffer.from('own'));
    const { READ, WRITE } = tom.sdk.Files.Permissions;
    await READ.denyForAllUsers(directory);
    await fails(Files.listing(directory), 4000);
    await fails(Files.listing(`${directory}/sub`), 4000);
    await WRITE.denyForAllRoles(`/${directory}`);
    await fails(Files.saveFile(`${directory}/sub`, 'b.txt', Buffer.from('x')), 4000);
    await fails(Files.createDirectory(`${directory}/other`), 4000);
    assert.deepEqual(names(await tom.sdk.Files.listing(`${directory}/sub`)), ['a.txt']);
    assert.deepEqual(names(await asServerCode().Files.listing(`${directory}/sub`)), ['a.txt']);
  });

  test('of what is not there nobody says anything', async () => {
    await fails(Files.Permissions.READ.grantForAllUsers('nothing/here'), 6000);
  });
});

/** In the Node of their time, which had none of what they take for the signs of a browser. */
async function asThen(run) {
  const { Blob, FormData } = globalThis;
  delete globalThis.Blob;
  delete globalThis.FormData;
  try {
    return await run();
  } finally {
    Object.assign(globalThis, { Blob, FormData });
  }
}

for (const [generation, sdk] of Object.entries({ 4: Backendless4, 5: Backendless5, 6: Backendless6 })) {
  test(`SDK ${generation}`, async () => {
    sdk.serverURL = serverURL;
    sdk.initApp(appId, apiKey);
    const directory = newDirectory();
    const told = await asThen(() => sdk.Files.saveFile(directory, 'a.txt', Buffer.from('hello'), true));
    assert.equal(await content(told.fileURL ?? told), 'hello');
    const { fileURL } = await asThen(() => sdk.Files.upload(fileOf('b.txt', 'sent'), directory, true));
    assert.equal(await content(fileURL), 'sent');
    assert.deepEqual(names(await sdk.Files.listing(directory, '*.txt', true)), ['a.txt', 'b.txt']);
    assert.equal(await sdk.Files.getFileCount(directory, '*.txt', true), 2);
    assert.equal(await sdk.Files.exists(`${directory}/a.txt`), true);
    await sdk.Files.renameFile(`${directory}/a.txt`, 'c.txt');
    await sdk.Files.moveFile(`${directory}/c.txt`, `${directory}/sub/d.txt`);
    await sdk.Files.copyFile(`${directory}/sub/d.txt`, `${directory}/e.txt`);
    assert.deepEqual(names(await sdk.Files.listing(directory)), ['sub', 'b.txt', 'e.txt']);
    await sdk.Files.remove(`${directory}/b.txt`);
    await sdk.Files.removeDirectory(directory);
    assert.equal(await sdk.Files.exists(directory), false);
  });
}

test('SDK 3, which names the application in headers', async () => {
  const headers = { 'application-id': appId, 'secret-key': apiKey, 'application-type': 'JS' };
  const call = async (method, path, body, more = {}) => {
    const response = await fetch(`${serverURL}/v1/files/${path}`, { method, body, headers: { ...headers, ...more } });
    assert.equal(response.status, 200);
    return response.json().catch(() => null);
  };
  const directory = newDirectory();
  await call('PUT', `binary/${directory}/a.txt?overwrite=true`, 'aGVsbG8=', { 'content-type': 'text/plain' });
  assert.equal(await call('GET', `exists/${directory}/a.txt`), true);
  assert.equal(await call('GET', `exists/${directory}/b.txt`), false);
  const form = new FormData();
  form.append('file', new Blob(['streamed'], { type: 'application/octet-stream' }), 'b.txt');
  assert.match((await call('POST', `${directory}/b.txt?overwrite=true`, form)).fileURL, /b\.txt$/);
  await call('PUT', 'rename', JSON.stringify({ oldPathName: `${directory}/a.txt`, newName: 'c.txt' }), { 'content-type': 'application/json' });
  assert.deepEqual(names(await call('GET', `${directory}?pattern=*&pagesize=10`)), ['b.txt', 'c.txt']);
});
