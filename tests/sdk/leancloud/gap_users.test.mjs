// Users, what is still amiss. wire/leancloud.md, sections 2.3 and 2.6; REST guide, "Querying Users".

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { failsWith, range } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, make, master, send } from './sdk.mjs';

const newName = () => newClass('user').toLowerCase();
const userReference = id => AV.Object.createWithoutData('_User', id);
const me = token => send('GET', '/users/me', { authOptions: { sessionToken: token } });

async function signUp() {
  const user = await AV.User.signUp(newName(), 'secret');
  await AV.User.logOut(); // each call says by `{ user }` who makes it
  return user;
}

beforeEach(() => AV.User.logOut());

test('clients query no users by a way round, either', async () => {
  const user = await signUp();
  const post = await make(newClass('Post'), { author: userReference(user.id), name: user.getUsername() });
  const users = new AV.Query('_User').equalTo('username', user.getUsername());
  const posts = () => new AV.Query(post.className);
  for (const query of [posts().matchesQuery('author', users), posts().matchesKeyInQuery('name', 'username', users)]) {
    await failsWith(403, query.find());
    assert.equal((await query.find(master)).length, 1);
  }
});

test('a log-in goes by the username where there is an address, too', async () => {
  // the Python SDK relies on it: it sends what the user object has (leancloud/user.py, User.login)
  const user = await signUp();
  const data = { username: user.getUsername(), email: `${newName()}@example.com`, password: 'secret' };
  assert.equal((await send('POST', '/login', { data })).objectId, user.id);
});

test('the first log-ins of a user at the same time share one token, too', async () => {
  for (const round of range(6)) {
    const username = `${newName()}_${round}`;
    await send('POST', '/users', { data: { username, password: 'secret' }, authOptions: master }); // opens no session
    const logIn = () => send('POST', '/login', { data: { username, password: 'secret' } });
    const tokens = (await Promise.all(range(8).map(logIn))).map(user => user.sessionToken);
    assert.equal(new Set(tokens).size, 1);
  }
});

test('refreshes at the same time leave one token', async () => {
  const user = await signUp();
  const refresh = () => send('PUT', `/users/${user.id}/refreshSessionToken`, { authOptions: { user } });
  const results = await Promise.allSettled(range(6).map(refresh));
  const tokens = new Set(results.filter(result => result.status === 'fulfilled').map(result => result.value.sessionToken));
  const states = await Promise.allSettled([...tokens].map(me));
  assert.equal(states.filter(state => state.status === 'fulfilled').length, 1);
});
