// What the SDK makes of a refusal. LeanCloud and its SDKs on the wire

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { leancloud as target, newClass } from '../target.mjs';
import { AV, make, master, send, withSettings } from './sdk.mjs';

const WRONG_KEYS = {
  'an unknown application': { applicationId: 'nosuchapp' },
  'a wrong key': { applicationKey: 'wrong' },
};

for (const [title, settings] of Object.entries(WRONG_KEYS)) {
  test(`${title} is 401, and writes nothing`, async () => {
    const className = newClass('Todo');
    await failsWith(401, withSettings(settings, () => new AV.Query(className).find()));
    await failsWith(401, withSettings(settings, () => make(className, { n: 1 })));
    await failsWith(401, withSettings(settings, () => AV.Object.saveAll([new AV.Object(className, { n: 1 })])));
    await failsWith(101, new AV.Query(className).find());
  });
}

test('a wrong master key is 401', async () => {
  await failsWith(401, withSettings({ masterKey: 'wrong' }, () => new AV.Query('Todo').find(master)));
});

test('the keys may be sent unsigned', async () => {
  const { className } = await make(newClass('Todo'), { n: 1 });
  const find = authOptions => send('GET', `/classes/${className}`, { signKey: false, authOptions });
  assert.equal((await find({})).results.length, 1);
  assert.equal((await find(master)).results.length, 1);
  await failsWith(401, withSettings({ applicationKey: 'wrong' }, () => find({})));
  await failsWith(401, withSettings({ masterKey: 'wrong' }, () => find(master)));
  // the application key is no master key, whatever its suffix
  await failsWith(401, withSettings({ masterKey: target.appKey }, () => find(master)));
});

test('a bad field name tells the field', async () => {
  const error = await failsWith(105, make(newClass('Todo'), { 'invalid?': 1 }));
  assert.match(error.rawMessage, /invalid\?/);
});

test('an error tells the SDK its status', async () => {
  const error = await failsWith(101, new AV.Query(newClass('Nobody')).find());
  assert.match(error.message, /\[404 GET http/);
});

for (const name of ['1Bad-Name', 'Bad-Name', 'Bad.Name']) {
  test(`a class cannot be called ${name}`, async () => {
    await failsWith(103, send('POST', `/classes/${name}`, { data: { a: 1 } }));
  });
}

test('a path to nothing answers an error that the SDK can read', async () => {
  const error = await send('GET', '/nosuch/route').then(() => assert.fail('it was found'), reason => reason);
  assert.ok(error.code > 0, `code ${error.code}: ${error.message}`);
});
