// Followers, friends and statuses. The SDK's user.js, friendship.js and status.js; friendship guide; status guide.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { AV, master, send, signUp, userReference } from './sdk.mjs';

beforeEach(() => AV.User.logOut());

const as = user => ({ user });
const follows = (user, other, attributes) => user.follow(attributes ? { user: other.id, attributes } : other, as(user));
const inbox = (owner, type = 'default') => AV.Status.inboxQuery(owner, type);
const messages = statuses => statuses.map(status => status.get('message'));
const unread = (owner, type = 'default') => AV.Status.countUnreadStatuses(owner, type, as(owner));
const request = (friend, user) => AV.Friendship.request(friend, as(user));

async function sent(user, { query, type, ...data }) {
  const status = new AV.Status(data);
  status.query = query;
  if (type) status.inboxType = type;
  return status.send(as(user));
}

async function requestTo(user) {
  return new AV.Query('_FriendshipRequest').equalTo('friend', user).first(as(user));
}

const userWithId = user => new AV.Query('_User').equalTo('objectId', user.id);

// who follows whom

test('a user follows another, with what it says of it', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  assert.deepEqual(await follows(ann, ben, { group: 1, position: new AV.GeoPoint(0, 0) }), {});
  const [found] = await ann.followeeQuery().equalTo('group', 1).include('followee').find(as(ann));
  assert.equal(found.id, ben.id);
  assert.equal(found.getUsername(), ben.getUsername());
  assert.deepEqual(await ann.followeeQuery().equalTo('group', 0).find(as(ann)), []);
  const [follower] = await ben.followerQuery().include('follower').find(as(ben));
  assert.equal(follower.getUsername(), ann.getUsername());
});

test('followers and followees are told together', async () => {
  const [ann, ben, cem] = [await signUp(), await signUp(), await signUp()];
  await follows(ann, ben);
  await follows(cem, ann);
  const { followers, followees } = await ann.getFollowersAndFollowees({}, as(ann));
  assert.deepEqual([followers, followees].map(users => users.map(user => user.id)), [[cem.id], [ben.id]]);
  assert.equal(followees[0].getUsername(), ben.getUsername());
});

test('counts of followers and followees', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  await follows(ann, ben);
  const authOptions = { sessionToken: ann.getSessionToken() };
  const path = `/users/${ann.id}/followersAndFollowees`;
  assert.deepEqual(await send('GET', path, { query: { count: 1, limit: 0 }, authOptions }), {
    followers: [], followees: [], followers_count: 0, followees_count: 1,
  });
  const followees = await send('GET', `/users/${ann.id}/followees`, { query: { count: 1 }, authOptions });
  assert.equal(followees.count, 1);
  assert.deepEqual(followees.results[0].user, { __type: 'Pointer', className: '_User', objectId: ann.id });
});

test('following twice is following once, and unfollowing ends it', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  await follows(ann, ben);
  await follows(ann, ben);
  assert.equal(await ann.followeeQuery().count(as(ann)), 1);
  assert.deepEqual(await ann.unfollow(ben, as(ann)), {});
  assert.equal(await ann.followeeQuery().count(as(ann)), 0);
  assert.equal(await ben.followerQuery().count(as(ben)), 0);
});

test('nobody follows in the name of another', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  await failsWith(403, ann.follow(ben, as(ben)));
  await failsWith(206, ann.follow(ben));
  await failsWith(211, ann.follow('5a0000000000000000000000', as(ann)));
  assert.equal(await ann.followeeQuery().count(master), 0);
  await ann.follow(ben, master);
  assert.equal(await ann.followeeQuery().count(as(ann)), 1);
});

test('rows of followers are not for clients to write', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  await failsWith(403, new AV.Object('_Followee', { user: ann, followee: ben }).save(null, as(ann)));
  await follows(ann, ben);
  const row = (await send('GET', '/classes/_Followee', { authOptions: { sessionToken: ann.getSessionToken() } })).results[0];
  await failsWith(403, AV.Object.createWithoutData('_Followee', row.objectId).save({ followee: ann }, as(ann)));
  await AV.Object.createWithoutData('_Followee', row.objectId).destroy(as(ann));
  assert.equal(await ben.followerQuery().count(as(ben)), 0);
});

// friends

test('a request that is accepted makes friends of both', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  await request({ friend: ben, attributes: { circle: 'sport' } }, ann);
  const asked = await requestTo(ben);
  assert.deepEqual([asked.get('status'), asked.get('user').id], ['pending', ann.id]);
  await failsWith(403, AV.Friendship.acceptRequest(asked, as(ann)));
  await AV.Friendship.acceptRequest({ request: asked, attributes: { circle: 'work' } }, as(ben));
  assert.equal((await requestTo(ben)).get('status'), 'accepted');
  for (const [own, other, circle] of [[ann, ben, 'sport'], [ben, ann, 'work']]) {
    const [friend] = await own.followeeQuery().equalTo('friendStatus', true).equalTo('circle', circle).find(as(own));
    assert.equal(friend.id, other.id);
  }
  const error = await failsWith(221, request(ben, ann));
  assert.match(error.message, /Friendship already exists\./);
});

test('a request that is declined makes none, and can be deleted', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  await request(ben, ann);
  const asked = await requestTo(ben);
  await AV.Friendship.declineRequest(asked, as(ben));
  assert.equal((await requestTo(ben)).get('status'), 'declined');
  await failsWith(221, request(ben, ann));
  assert.equal(await ann.followeeQuery().count(as(ann)), 0);
  await asked.destroy(as(ben));
  assert.equal(await requestTo(ben), undefined);
});

test('friends, what one says of them, and who is blocked', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  const authOptions = { sessionToken: ann.getSessionToken() };
  const friends = async () => (await send('GET', '/users/self/friends', { query: { include: 'followee' }, authOptions })).results;
  await request(ben, ann);
  await AV.Friendship.acceptRequest((await requestTo(ben)).id, as(ben));
  assert.deepEqual((await friends()).map(row => row.followee.username), [ben.getUsername()]);
  const changed = await send('PUT', `/users/self/friendship/${ben.id}`, { data: { friendship: { remark: 'B' } }, authOptions });
  assert.ok(changed.updatedAt);
  assert.equal((await friends())[0].remark, 'B');
  await send('POST', `/users/self/friendBlocklist/${ben.id}`, { authOptions });
  const blocked = await send('GET', '/users/self/friendBlocklist', { query: { include: 'blockedUser' }, authOptions });
  assert.deepEqual(blocked.results.map(row => row.blockedUser.username), [ben.getUsername()]);
  assert.deepEqual(await friends(), []);
  await failsWith(221, ben.follow(ann, as(ben)));
  await send('DELETE', `/users/self/friendBlocklist/${ben.id}`, { authOptions });
  assert.equal((await friends()).length, 1);
});

// statuses

test('a status reaches the followers, with its source', async () => {
  const [ann, ben, cem] = [await signUp(), await signUp(), await signUp()];
  await follows(ben, ann);
  const status = await AV.Status.sendStatusToFollowers(new AV.Status('image url', 'hello'), as(ann));
  assert.ok(status.id && status.createdAt instanceof Date);
  const [found] = await inbox(ben).include('source').find(as(ben));
  assert.deepEqual([found.id, found.messageId, found.get('message'), found.get('image')], [status.id, 1, 'hello', 'image url']);
  assert.equal(found.get('source').getUsername(), ann.getUsername());
  assert.deepEqual(await inbox(cem).find(as(cem)), []);
  assert.deepEqual(messages(await AV.Status.statusQuery(ann).find(as(cem))).length, 1);
});

test('a private status is for one user', async () => {
  const [ann, ben, cem] = [await signUp(), await signUp(), await signUp()];
  await AV.Status.sendPrivateStatus(new AV.Status(null, 'a secret'), ben, as(ann));
  assert.deepEqual(messages(await inbox(ben, 'private').find(as(ben))), ['a secret']);
  assert.deepEqual(await inbox(ben, 'private').find(as(cem)), []);
  assert.deepEqual(await AV.Status.statusQuery(ann).find(as(cem)), []);
  assert.equal((await AV.Status.statusQuery(ann).find(as(ben))).length, 1);
});

test('a status for whoever a query finds', async () => {
  const [ann, ben] = [await signUp(), await signUp({ team: 'red' })];
  await sent(ann, { query: new AV.Query('_User').equalTo('team', 'red').equalTo('objectId', ben.id), type: 'news', message: 'red' });
  assert.deepEqual(messages(await inbox(ben, 'news').find(as(ben))), ['red']);
});

test('a source is not made up', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  await failsWith(403, sent(ann, { query: userWithId(ben), message: 'x', source: userReference(ben.id)._toPointer() }));
  assert.deepEqual(await inbox(ben).find(as(ben)), []);
});

test('pages of an inbox, by message ids', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  for (const message of ['1', '2', '3']) await sent(ann, { query: userWithId(ben), message });
  assert.deepEqual(messages(await inbox(ben).find(as(ben))), ['3', '2', '1']);
  assert.deepEqual(messages(await inbox(ben).sinceId(1).find(as(ben))), ['3', '2']);
  assert.deepEqual(messages(await inbox(ben).maxId(2).find(as(ben))), ['2', '1']);
  assert.deepEqual(messages(await inbox(ben).limit(1).find(as(ben))), ['3']);
  assert.deepEqual(messages(await inbox(ben).equalTo('message', '2').find(as(ben))), ['2']);
});

test('what is unread is counted, and reset', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  assert.deepEqual(await unread(ben), { total: 0, unread: 0 });
  for (const message of ['1', '2']) await sent(ann, { query: userWithId(ben), message });
  assert.deepEqual(await unread(ben), { total: 2, unread: 2 });
  assert.deepEqual(await AV.Status.countUnreadStatuses(ben, 'default', as(ann)), { total: 0, unread: 0 });
  await AV.Status.resetUnreadCount(ben, 'default', as(ann));
  assert.deepEqual(await unread(ben), { total: 2, unread: 2 });
  await AV.Status.resetUnreadCount(ben, 'default', as(ben));
  assert.deepEqual(await unread(ben), { total: 2, unread: 0 });
});

test('a status is deleted by its source, and taken out of one inbox by its owner', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  const first = await sent(ann, { query: userWithId(ben), message: '1' });
  await sent(ann, { query: userWithId(ben), message: '2' });
  // its destroy() takes no options: whoever is logged in does it
  await AV.User.become(ben.getSessionToken());
  await failsWith(403, first.destroy());
  await AV.User.become(ann.getSessionToken());
  await first.destroy();
  await AV.User.logOut();
  assert.deepEqual(messages(await inbox(ben).find(as(ben))), ['2']);
  const authOptions = { sessionToken: ben.getSessionToken() };
  const owner = JSON.stringify(ben._toPointer());
  await send('DELETE', '/subscribe/statuses/inbox', { query: { messageId: 2, inboxType: 'default', owner }, authOptions });
  assert.deepEqual(await inbox(ben).find(as(ben)), []);
  assert.equal((await AV.Status.statusQuery(ann).find()).length, 1);
});

test('one status, by its id', async () => {
  const [ann, ben] = [await signUp(), await signUp()];
  const status = await sent(ann, { query: userWithId(ben), message: 'x' });
  assert.equal((await send('GET', `/statuses/${status.id}`)).message, 'x');
  assert.equal((await status.toObject().fetch()).get('message'), 'x');
});
