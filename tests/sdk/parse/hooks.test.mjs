// Webhooks that an app's owner registers with Parse.Hooks, and that then run. Recorded from Parse Server; the warnings
// are the REST guide's, "Create function webhook"

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { Parse, make, send } from './sdk.mjs';

const URL = 'https://code.example.com/f';
const plain = async promise => JSON.parse(JSON.stringify(await promise));

/** Fails with 143 in these words. */
async function refuses(promise, text) {
  assert.equal((await failsWith(143, promise)).message, text);
}

// a receiver of webhooks, which answers by the path that it is asked at, and keeps what it was asked
const asked = [];
let receiver;
let address;

before(async () => {
  receiver = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    const question = JSON.parse(text);
    asked.push(question);
    const answers = {
      '/sum': () => ({ success: question.params.a + question.params.b }),
      '/fail': () => ({ error: { code: 4321, message: 'not today' } }),
      '/loud': () => ({ success: { ...question.object, title: question.object.title.toUpperCase() } }),
      '/no': () => ({ error: 'this is not saved' }),
    };
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(answers[request.url]()));
  });
  await new Promise(resolve => receiver.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${receiver.address().port}`;
});

after(() => new Promise(resolve => { receiver.closeAllConnections(); receiver.close(resolve); }));

test('a function webhook is created, edited, told and deleted', async () => {
  const functionName = newClass('fun');
  const hook = { functionName, url: URL };
  assert.deepEqual(await plain(Parse.Hooks.createFunction(functionName, URL)), hook);
  assert.deepEqual(await plain(Parse.Hooks.getFunction(functionName)), hook);
  assert.ok((await plain(Parse.Hooks.getFunctions())).some(one => one.functionName === functionName));
  const moved = { functionName, url: `${URL}/moved` };
  assert.deepEqual(await plain(Parse.Hooks.updateFunction(functionName, moved.url)), moved);
  assert.deepEqual(await plain(Parse.Hooks.getFunction(functionName)), moved);
  assert.deepEqual(await plain(Parse.Hooks.removeFunction(functionName)), {});
  await refuses(Parse.Hooks.getFunction(functionName), `no function named: ${functionName} is defined`);
});

test('a trigger webhook is created, edited, told and deleted', async () => {
  const className = newClass('Hooked');
  const hook = { className, triggerName: 'beforeDelete', url: URL };
  assert.deepEqual(await plain(Parse.Hooks.createTrigger(className, 'beforeDelete', URL)), hook);
  assert.deepEqual(await plain(Parse.Hooks.getTrigger(className, 'beforeDelete')), hook);
  assert.ok((await plain(Parse.Hooks.getTriggers())).some(one => one.className === className));
  const moved = { ...hook, url: `${URL}/moved` };
  assert.deepEqual(await plain(Parse.Hooks.updateTrigger(className, 'beforeDelete', moved.url)), moved);
  assert.deepEqual(await plain(Parse.Hooks.removeTrigger(className, 'beforeDelete')), {});
  await refuses(Parse.Hooks.getTrigger(className, 'beforeDelete'), `class ${className} does not exist`);
});

test('what is wrong with a webhook is told in the words of the vendor', async () => {
  const name = newClass('fun');
  await Parse.Hooks.createFunction(name, URL);
  await refuses(Parse.Hooks.createFunction(name, URL), `function name: ${name} already exists`);
  await Parse.Hooks.createTrigger(name, 'beforeSave', URL);
  await refuses(Parse.Hooks.createTrigger(name, 'beforeSave', URL), `class ${name} already has trigger beforeSave`);
  await refuses(Parse.Hooks.createTrigger(name, 'bogus', URL), 'invalid hook declaration');
  await refuses(Parse.Hooks.updateFunction(`${name}_no`, URL), `no function named: ${name}_no is defined`);
  await refuses(Parse.Hooks.removeFunction(`${name}_no`), `no function named: ${name}_no is defined`);
  const master = { useMasterKey: true };
  await refuses(send('POST', 'hooks/functions', { functionName: 'x' }, master), 'invalid hook declaration');
  await refuses(send('POST', 'hooks/functions', { functionName: 'x', url: 'file:///etc/passwd' }, master), 'invalid hook declaration');
  await refuses(send('POST', 'hooks/triggers', { triggerName: 'beforeSave', url: URL }, master), 'invalid hook declaration');
  await Parse.Hooks.removeFunction(name);
  await Parse.Hooks.removeTrigger(name, 'beforeSave');
});

test('only the master has anything to do with webhooks', async () => {
  for (const [method, path] of [
    ['GET', 'hooks/functions'],
    ['GET', 'hooks/functions/x'],
    ['POST', 'hooks/functions'],
    ['PUT', 'hooks/functions/x'],
    ['GET', 'hooks/triggers'],
    ['PUT', 'hooks/triggers/Post/beforeSave'],
  ]) {
    const body = method === 'GET' ? {} : { functionName: 'x', url: URL };
    if (path.startsWith('hooks/triggers')) delete body.functionName;
    await assert.rejects(send(method, path, body), /unauthorized: master key is required/);
  }
});

test('a webhook hides the function of the app that has its name, says so, and gives it back', async () => {
  const warning = 'a cloudcode function with name: hello already exists';
  const made = await plain(Parse.Hooks.createFunction('hello', `${address}/sum`));
  try {
    assert.deepEqual(made, { functionName: 'hello', url: `${address}/sum`, warning });
    assert.equal(await Parse.Cloud.run('hello', { a: 1, b: 2 }), 3);
    assert.equal((await plain(Parse.Hooks.updateFunction('hello', `${address}/fail`))).warning, warning);
    await failsWith(4321, Parse.Cloud.run('hello', { a: 1 }));
  } finally {
    assert.deepEqual(await plain(Parse.Hooks.removeFunction('hello')), { functionName: 'hello' });
  }
  assert.equal((await Parse.Cloud.run('hello', { a: 1 })).name, 'hello');
});

test('a function that was registered runs', async () => {
  const name = newClass('sum');
  await failsWith(141, Parse.Cloud.run(name, { a: 1, b: 2 }));
  await Parse.Hooks.createFunction(name, `${address}/sum`);
  assert.equal(await Parse.Cloud.run(name, { a: 1, b: 2 }), 3);
  assert.equal(asked.at(-1).functionName, name);
  await Parse.Hooks.removeFunction(name);
  await failsWith(141, Parse.Cloud.run(name, { a: 1, b: 2 }));
});

test('a trigger that was registered changes what is saved, or refuses it', async () => {
  const className = newClass('Loud');
  await Parse.Hooks.createTrigger(className, 'beforeSave', `${address}/loud`);
  const made = await make(className, { title: 'quiet' });
  assert.equal(made.get('title'), 'QUIET');
  assert.equal((await new Parse.Query(className).get(made.id)).get('title'), 'QUIET');
  await Parse.Hooks.updateTrigger(className, 'beforeSave', `${address}/no`);
  assert.equal((await failsWith(141, made.save({ title: 'x' }))).message, 'this is not saved');
  await Parse.Hooks.removeTrigger(className, 'beforeSave');
  await made.save({ title: 'as it came' });
  assert.equal((await new Parse.Query(className).get(made.id)).get('title'), 'as it came');
});

test('the context of a request is told to the webhook that it leads to', async () => {
  const name = newClass('Told');
  await Parse.Hooks.createFunction(name, `${address}/sum`);
  await Parse.Cloud.run(name, { a: 1, b: 2 }, { context: { why: ['sum'] } });
  assert.deepEqual(asked.at(-1).context, { why: ['sum'] });
  await Parse.Cloud.run(name, { a: 1, b: 2 });
  assert.deepEqual(asked.at(-1).context, {});
  await Parse.Hooks.createTrigger(name, 'beforeSave', `${address}/loud`);
  await new Parse.Object(name, { title: 'a' }).save(null, { context: { why: 'save' } });
  assert.deepEqual(asked.at(-1).context, { why: 'save' });
  await Parse.Object.saveAll([new Parse.Object(name, { title: 'a' })], { context: { why: 'all' } });
  assert.deepEqual(asked.at(-1).context, { why: 'all' });
  await Parse.Hooks.removeFunction(name);
  await Parse.Hooks.removeTrigger(name, 'beforeSave');
});
