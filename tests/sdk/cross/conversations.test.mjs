// What a LeanCloud server says in a conversation reaches the devices of those who are not connected, whichever SDK has
// registered them: a device is that of the client whose id is among its channels.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { pushesTo } from '../inbox.mjs';
import { AV, master, newName, send } from '../leancloud/sdk.mjs';
import { Parse } from '../parse/sdk.mjs';

async function room(...members) {
  const conversation = new AV.Conversation('room');
  members.forEach(name => conversation.addMember(name));
  return conversation.save(null, master);
}

const history = (conversation, query) =>
  send('GET', '/rtm/messages/history', { query: { convid: conversation.id, ...query }, authOptions: master });

test('a message with a push, and its history', async () => {
  const [tom, ann, ida] = ['tom', 'ann', 'ida'].map(newName);
  const tokens = { ann: newName('token'), ida: newName('token'), tom: newName('token') };
  await new AV.Installation({ deviceType: 'ios', deviceToken: tokens.ann, channels: [ann] }).save();
  await new AV.Installation({ deviceType: 'ios', deviceToken: tokens.tom, channels: [tom] }).save();
  const device = await Parse.Installation.currentInstallation();
  device.set({ installationId: newName('device'), deviceType: 'ios', deviceToken: tokens.ida, channels: [ida] });
  await device.save();
  const conversation = await room(tom, ann, ida);
  const { result: first } = await conversation.send(tom, 'one', { pushData: { alert: 'tom: one' } }, master);
  assert.deepEqual((await pushesTo(tokens.ann))[0].data, { alert: 'tom: one' });
  assert.deepEqual((await pushesTo(tokens.ida))[0].data, { alert: 'tom: one' });
  const { result: second } = await conversation.send(tom, 'two', { pushData: '{"alert":"tom: two"}' }, master);
  await conversation.send(ann, 'to tom', { pushData: 'plainly' }, master);
  assert.deepEqual((await pushesTo(tokens.tom)).map(push => push.data), [{ alert: 'plainly' }], 'not what tom has said');
  const all = await history(conversation);
  assert.deepEqual(all.map(said => said.data), ['to tom', 'two', 'one']);
  const place = { timestamp: second.timestamp, msgid: second['msg-id'] };
  assert.deepEqual((await history(conversation, place)).map(said => said.data), ['one']);
  assert.deepEqual((await history(conversation, { ...place, reversed: true })).map(said => said.data), ['to tom']);
  const until = { till_timestamp: first.timestamp, till_msgid: first['msg-id'], include_start: true, include_stop: true };
  assert.deepEqual((await history(conversation, { ...place, ...until })).map(said => said.data), ['two', 'one']);
});

test('what is not said to be kept is not, and what cannot be done is refused', async () => {
  const conversation = await room('tom');
  const say = (path, more) =>
    send('POST', path, { data: { from_peer: 'tom', conv_id: conversation.id, message: 'x', ...more }, authOptions: master });
  await say('/rtm/messages', {});
  assert.deepEqual(await history(conversation), [], 'a message is transient unless it says otherwise');
  await failsWith(1, say('/rtm/broadcast', { valid_till: Date.now() }));
  await failsWith(1, say('/rtm/messages', { unheard_of: 1 }));
  await failsWith(111, say('/rtm/messages', { push_data: [1] }));
});
