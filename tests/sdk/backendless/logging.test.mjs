import { test } from 'node:test';

import { Backendless, fails, send } from './sdk.mjs';

test('messages of every level are taken, one by one and in a batch', async () => {
  const logger = Backendless.Logging.getLogger('com.mbaas.Logger');
  logger.debug('debug');
  logger.info('info');
  logger.warn('warn');
  logger.error('error', new Error('reason'));
  logger.fatal('fatal');
  logger.trace('trace');
  await Backendless.Logging.flush();
});

test('a level that is none is refused', () =>
  fails(send('put', '/log', [{ logger: 'l', message: 'm', 'log-level': 'LOUD', timestamp: 1 }]), 1003));

test('what is no list is refused', () => fails(send('put', '/log', { message: 'm' }), 1003));
