// Chromium, driven by playwright-core. It trusts our authority through a certificate database of its own, so that
// names, chains and dates are verified as for anybody; nothing is ignored.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { buildDir } from './paths.mjs';

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

export class Browser {
  static async launch(ca, { executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium' } = {}) {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), 'durward-browser-'));
    for (const folder of ['.pki/nssdb', '.local/share/pki/nssdb']) {
      const db = path.join(home, folder);
      fs.mkdirSync(db, { recursive: true });
      execFileSync('certutil', ['-N', '-d', `sql:${db}`, '--empty-password']);
      execFileSync('certutil', ['-A', '-d', `sql:${db}`, '-n', 'durward-tests', '-t', 'C,,', '-i', ca.cert]);
    }
    const env = { ...process.env, HOME: home, XDG_DATA_HOME: path.join(home, '.local/share') };
    const browser = await chromium.launch({ executablePath, args: flags, env, chromiumSandbox: false });
    return new Browser(browser, home);
  }

  constructor(browser, home) {
    Object.assign(this, { browser, home, shots: path.join(buildDir, 'screenshots') });
    fs.mkdirSync(this.shots, { recursive: true });
  }

  // A person with no history.
  context(options = {}) {
    return this.browser.newContext({ viewport: { width: 1100, height: 760 }, ...options });
  }

  async shot(page, name) {
    await page.screenshot({ path: path.join(this.shots, `${name}.png`) });
  }

  async close() {
    await this.browser.close();
    fs.rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

// Fills in the sample provider's sign-in page. `acr` picks another way to prove it than the page proposes.
export async function signIn(page, user, { password = user, acr } = {}) {
  await page.getByLabel('User name').fill(user);
  await page.getByLabel('Password', { exact: true }).first().fill(password);
  if (acr) await page.locator(`input[value="${acr}"]`).check();
  await page.getByRole('button', { name: 'Sign in' }).click();
}
