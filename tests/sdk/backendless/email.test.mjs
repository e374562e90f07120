// Emails of all generations of the SDK: their own words, and templates of the config.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import Backendless8 from 'backendless';
import Backendless4 from 'backendless4';
import Backendless5 from 'backendless5';
import Backendless6 from 'backendless6';

import { mailTo } from '../inbox.mjs';
import { backendless, newClass, tell } from '../target.mjs';
import { fails, newEmail } from './sdk.mjs';

const GENERATIONS = { 4: Backendless4, 5: Backendless5, 6: Backendless6, 8: Backendless8 };

for (const [generation, sdk] of Object.entries(GENERATIONS)) {
  describe(`SDK ${generation}`, () => {
    before(() => {
      sdk.serverURL = tell.serverURL;
      sdk.initApp(tell.appId, tell.apiKey);
    });

    test('sends an email', async () => {
      const [one, two] = [newEmail(), newEmail()];
      const parts = new sdk.Bodyparts({ textmessage: 'Hällo', htmlmessage: '<b>Hällo</b>' });
      const told = await sdk.Messaging.sendEmail('A subject', parts, [one, two]);
      // until SDK 5 nobody is told what was answered
      if (generation > 5) assert.deepEqual([told.errorMessage, told.status], [null, 'scheduled']);
      const mail = await mailTo(one, 'A subject');
      assert.deepEqual([mail.to, mail.text.trim(), mail.html.trim()], [[one, two], 'Hällo', '<b>Hällo</b>']);
    });

    test('cannot send to what is no address', async () => {
      const parts = new sdk.Bodyparts({ textmessage: 'x' });
      await fails(sdk.Messaging.sendEmail('S', parts, ['nobody']), 3040);
    });
  });
}

for (const [generation, sdk] of Object.entries({ 6: Backendless6, 8: Backendless8 })) {
  describe(`SDK ${generation}`, () => {
    const { EmailEnvelope } = sdk;

    test('sends an email by a template', async () => {
      const [to, cc, bcc] = [newEmail(), newEmail(), newEmail()];
      const envelope = EmailEnvelope.create({ addresses: [to], ccAddresses: [cc], bccAddresses: [bcc] });
      const told = await sdk.Messaging.sendEmailFromTemplate('Welcome', envelope, { who: '<Tom>' });
      assert.equal(told.status, 'scheduled');
      const mail = await mailTo(bcc, 'Hi');
      assert.deepEqual([mail.to, mail.subject], [[to, cc, bcc], 'Hi <Tom>']);
      assert.deepEqual([mail.text.trim(), mail.html.trim()], ['Dear <Tom>', '<b>&lt;Tom&gt;</b>']);
    });

    test('sends it to the users that match, each a mail of their own', async () => {
      const group = newClass('group');
      const emails = [newEmail(), newEmail()];
      for (const email of emails) await sdk.UserService.register({ email, password: 'secret', group });
      await sdk.Messaging.sendEmailFromTemplate('Welcome', EmailEnvelope.create({ query: `group = '${group}'` }), { who: 'U' });
      for (const email of emails) assert.deepEqual((await mailTo(email, 'Hi U')).to, [email]);
    });

    test('cannot send by a template that is not there', async () => {
      const sent = sdk.Messaging.sendEmailFromTemplate('None', EmailEnvelope.create({ addresses: [newEmail()] }));
      await fails(sent, 24002, "Email Template with name 'None' doesn't exist.");
    });
  });
}

test('files go with an email', async () => {
  const to = newEmail();
  const path = newClass('folder');
  await Backendless8.Files.saveFile(path, 'hello.txt', 'Hello', true);
  const parts = new Backendless8.Bodyparts({ textmessage: 'see there' });
  await Backendless8.Messaging.sendEmail('With a file', parts, [to], [`/${path}/hello.txt`]);
  assert.deepEqual((await mailTo(to, 'With a file')).attached, { 'hello.txt': 'Hello' });
  await fails(Backendless8.Messaging.sendEmail('With none', parts, [to], ['/none.txt']), 6000);
});

test('an app without a mail server sends none', async () => {
  const other = Backendless8.initApp({ ...backendless, standalone: true });
  const parts = new Backendless8.Bodyparts({ textmessage: 'x' });
  await fails(other.Messaging.sendEmail('S', parts, [newEmail()]), 5050);
});
