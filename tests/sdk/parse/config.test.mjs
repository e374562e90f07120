// Parameters of an application, and what clients report of themselves.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as target from '../target.mjs';
import { Parse, master, send } from './sdk.mjs';

const newName = () => target.newClass('param');

test('a parameter is read by clients', async () => {
  const name = newName();
  await Parse.Config.save({ [name]: 'hello' });
  const config = await Parse.Config.get();
  assert.equal(config.get(name), 'hello');
  assert.equal(Parse.Config.current().get(name), 'hello');
});

test('what is not sent stays as it is', async () => {
  const [one, other] = [newName(), newName()];
  await Parse.Config.save({ [one]: 1 });
  await Parse.Config.save({ [other]: 2 });
  const config = await Parse.Config.get();
  assert.deepEqual([config.get(one), config.get(other)], [1, 2]);
});

test('a parameter of the master is hidden from clients', async () => {
  const name = newName();
  await Parse.Config.save({ [name]: 'secret' }, { [name]: true });
  assert.equal((await Parse.Config.get()).get(name), undefined);
  assert.equal((await Parse.Config.get(master)).get(name), 'secret');
  const told = await send('GET', 'config');
  assert.ok(!(name in told.params) && !(name in told.masterKeyOnly), 'clients are told that there is one');
});

test('a parameter that is saved without the flag is open again', async () => {
  const name = newName();
  await Parse.Config.save({ [name]: 1 }, { [name]: true });
  await Parse.Config.save({ [name]: 2 });
  assert.equal((await Parse.Config.get()).get(name), 2);
});

test('values of every kind come back as they were', async () => {
  const name = newName();
  const values = {
    number: 1.5,
    text: 'x',
    yes: true,
    list: [1, 'a', { b: [] }],
    object: { a: { b: 1 } },
    date: new Date('2024-01-02T03:04:05.678Z'),
    point: new Parse.GeoPoint(1, 2),
    file: Parse.File.fromJSON({ __type: 'File', name: 'x.txt', url: 'http://files.example.com/x.txt' }),
    pointer: Parse.Object.fromJSON({ __type: 'Pointer', className: 'Post', objectId: 'p' }),
  };
  for (const [kind, value] of Object.entries(values)) {
    await Parse.Config.save({ [name]: value });
    const found = (await Parse.Config.get()).get(name);
    if (kind === 'file') assert.equal(found.url(), value.url());
    else if (kind === 'pointer') assert.deepEqual([found.className, found.id], ['Post', 'p']);
    else assert.deepEqual(found, value, kind);
  }
});

test('a parameter is taken away by an operator, which is kept where it is any other', async () => {
  const name = newName();
  await send('PUT', 'config', { params: { [name]: 1 } }, master);
  await send('PUT', 'config', { params: { [name]: { __op: 'Add', objects: [2] } } }, master);
  assert.deepEqual((await send('GET', 'config')).params[name], { __op: 'Add', objects: [2] });
  await send('PUT', 'config', { params: { [name]: { __op: 'Delete' } } }, master);
  const told = await send('GET', 'config');
  assert.equal(told.params[name], undefined);
  assert.equal(told.masterKeyOnly[name], false);
});

test('only the master changes parameters', async () => {
  await assert.rejects(send('PUT', 'config', { params: { [newName()]: 1 } }), /master key is required/);
});

test('what is no parameter is refused', async () => {
  await assert.rejects(send('PUT', 'config', {}, master), { code: 107 });
  await assert.rejects(send('PUT', 'config', { params: { 'a.b': 1 } }, master), { code: 105 });
  await assert.rejects(send('PUT', 'config', { params: { a: 1 }, masterKeyOnly: { a: 'yes' } }, master), { code: 111 });
});

const eventsNamed = name => new Parse.Query('_Event').equalTo('name', name).find(master);

test('an event is kept with its first eight dimensions', async () => {
  const name = newName();
  const dimensions = Object.fromEntries([...'abcdefghij'].map(letter => [letter, letter.toUpperCase()]));
  await Parse.Analytics.track(name, dimensions);
  const [event] = await eventsNamed(name);
  assert.deepEqual(event.get('dimensions'), Object.fromEntries(Object.entries(dimensions).slice(0, 8)));
  assert.ok(Math.abs(event.get('at') - Date.now()) < 60_000);
});

test('an event has the time that its client says', async () => {
  const name = newName();
  const at = new Date('2024-01-02T03:04:05.678Z');
  await send('POST', `events/${name}`, { dimensions: {}, at: { __type: 'Date', iso: at.toISOString() } });
  assert.deepEqual((await eventsNamed(name))[0].get('at'), at);
  await assert.rejects(send('POST', `events/${name}`, { at: 'yesterday' }), { code: 111 });
});

test('an app that was opened is an event', async () => {
  assert.deepEqual(await send('POST', 'events/AppOpened', {}), {});
});

test('events are the master\'s to read, and nobody\'s to write', async () => {
  await assert.rejects(new Parse.Query('_Event').find(), { code: 119 });
  await assert.rejects(new Parse.Object('_Event', { name: 'x' }).save(), { code: 119 });
});

test('a server tells how it is, and what it can do', async () => {
  assert.equal(await Parse.getServerHealth().then(({ status }) => status), 'ok');
  const { features } = await send('GET', 'serverInfo', {}, master);
  assert.equal(features.globalConfig.update, true);
  assert.equal(features.schemas.addField, true);
  assert.equal(features.settings.securityCheck, false);
  await assert.rejects(send('GET', 'serverInfo'), /master key is required/);
});

test('what is not there is refused in words', async () => {
  for (const path of ['security', 'graphql-config']) {
    await assert.rejects(send('GET', path, {}, master), { code: 108 });
  }
  await assert.rejects(send('POST', 'graphql', { query: '{ health }' }), { code: 108, message: /GraphQL/ });
});
