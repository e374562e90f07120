// An app that is made by Parse's REST API, and used at once by Parse's own SDK, as its clients and as its master.
// `node made_app.mjs make` makes it, `node made_app.mjs again` finds what was saved, after the gateway was restarted.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import Parse from 'parse/node';

const { GATEWAY_URL, ACCOUNT, KEPT } = process.env;
const COUNT = 20;

const ask = async (method, path, body) => {
  const answer = await fetch(`${GATEWAY_URL}/1${path}`, {
    method,
    headers: { ...JSON.parse(ACCOUNT), 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
};

const use = app => {
  Parse.initialize(app.applicationId, app.javascriptKey, app.masterKey);
  Parse.serverURL = `${GATEWAY_URL}/parse`;
};

const found = () => new Parse.Query('Score').ascending('n').limit(100).find();

async function make() {
  const app = await ask('POST', '/apps', { appName: 'my new app' });
  use(app);
  // one after the other, as each may come to another worker
  for (let n = 0; n < COUNT; n += 1) await new Parse.Object('Score').save({ n });
  assert.deepEqual((await found()).map(score => score.get('n')), [...Array(COUNT).keys()]);
  const user = await Parse.User.signUp('tom', 'password of tom');
  assert.equal((await Parse.User.logIn('tom', 'password of tom')).id, user.id);
  const file = await new Parse.File('hello.txt', { base64: btoa('hello') }).save({ useMasterKey: true });
  await new Parse.Object('Letter').save({ file }, { useMasterKey: true });
  const schema = await new Parse.Schema('Score').get();
  assert.equal(schema.fields.n.type, 'Number');
  const changed = await ask('PUT', `/apps/${app.applicationId}`, { clientClassCreationEnabled: false });
  assert.deepEqual(changed, { ...app, clientClassCreationEnabled: false });
  writeFileSync(KEPT, JSON.stringify({ app: changed }));
}

async function again() {
  const { app } = JSON.parse(readFileSync(KEPT, 'utf8'));
  const { results } = await ask('GET', '/apps');
  assert.deepEqual(results.filter(each => each.applicationId === app.applicationId), [app]);
  use(app);
  await Parse.User.logIn('tom', 'password of tom');
  await assert.rejects(() => new Parse.Object('Another').save(), { code: Parse.Error.OPERATION_FORBIDDEN });
  const letter = await new Parse.Query('Letter').first({ useMasterKey: true });
  assert.equal(await (await fetch(letter.get('file').url())).text(), 'hello');
  writeFileSync(KEPT, JSON.stringify({ objects: (await found()).length }));
}

await { make, again }[process.argv[2]]();
