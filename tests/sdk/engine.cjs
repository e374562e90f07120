// An app of LeanEngine, unmodified, whose server of code stands behind the gateway. It speaks with the gateway itself.

const AV = require('leanengine');

AV.init({
  appId: process.env.LEANCLOUD_APP_ID,
  appKey: process.env.LEANCLOUD_APP_KEY,
  masterKey: process.env.LEANCLOUD_APP_MASTER_KEY,
  hookKey: process.env.LEANCLOUD_APP_HOOK_KEY,
  serverURL: process.env.LEANCLOUD_API_SERVER,
});

AV.Cloud.define('engineAdd', (request) => request.params.a + request.params.b);
AV.Cloud.define('engineEcho', (request) => request.params);
AV.Cloud.define('engineNothing', () => undefined);
AV.Cloud.define('engineNull', () => null);
AV.Cloud.define('engineWho', (request) => ({
  name: request.currentUser ? request.currentUser.get('username') : null,
  session: Boolean(request.sessionToken),
}));
AV.Cloud.define('engineFails', () => {
  throw new AV.Cloud.Error('sold out', { code: 4321 });
});
AV.Cloud.define('engineBreaks', () => {
  throw new Error('a mistake');
});
AV.Cloud.define('engineObject', async (request) => {
  const made = new AV.Object('EngineMade');
  made.set('of', request.params.of);
  await made.save();
  return made;
});
AV.Cloud.define('engineGiven', (request) => ({
  isObject: request.params.object instanceof AV.Object,
  id: request.params.object.id,
  title: request.params.object.get('title'),
}));
AV.Cloud.define('engineInternal', { internal: true }, () => 'a secret');

// --- hooks: each leaves a note of what it was shown ---

async function note(what, object, more = {}) {
  const made = new AV.Object('HookNote');
  await made.save({ what, of: object.className, ref: object.id || object.get('ref') || null, ...more }, { useMasterKey: true });
}

AV.Cloud.beforeSave('Hooked', async (request) => {
  const object = request.object;
  if (object.get('refuse')) throw new AV.Cloud.Error('no such thing', { code: 4242 });
  if (object.get('refusePlainly')) throw new AV.Cloud.Error('plainly not');
  if (object.get('breaks')) throw new Error('a mistake in a hook');
  if (object.get('unset')) object.unset('unset');
  object.set('checked', true);
  object.set('title', String(object.get('title') || '').trim());
});

AV.Cloud.beforeUpdate('Hooked', async (request) => {
  const object = request.object;
  if (object.updatedKeys.includes('locked')) throw new AV.Cloud.Error('it is locked', { code: 4243 });
  if (object.updatedKeys.includes('n')) object.set('updatedKeys', object.updatedKeys);
  object.set('updatedBy', request.currentUser ? request.currentUser.get('username') : 'nobody');
});

AV.Cloud.afterSave('Hooked', (request) => note('afterSave', request.object, { title: request.object.get('title') }));

// it saves what was saved: that is an update like others for beforeUpdate, but it must not be brought about once more
AV.Cloud.afterUpdate('Hooked', async (request) => {
  await note('afterUpdate', request.object);
  request.object.set('seenByAfterUpdate', true);
  await request.object.save(null, { useMasterKey: true });
});

AV.Cloud.beforeDelete('Hooked', (request) => {
  if (request.object.get('keep')) throw new AV.Cloud.Error('it is kept', { code: 4244 });
});

AV.Cloud.afterDelete('Hooked', (request) => note('afterDelete', request.object));

AV.Cloud.onLogin((request) => {
  if (String(request.object.get('username')).startsWith('banned')) throw new AV.Cloud.Error('banned', { code: 4245 });
});

const app = AV.express({ printFullStack: false });
require('http')
  .createServer((request, response) => app(request, response, () => response.end('no such page')))
  .listen(Number(process.env.LEANCLOUD_APP_PORT), '127.0.0.1', function () {
    console.log(`engine on ${this.address().port}`);
  });
