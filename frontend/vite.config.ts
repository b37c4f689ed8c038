/// <reference types="vitest/config" />
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const backend = `127.0.0.1:${process.env.BACKSTOP_PORT ?? '8000'}`;
const proxy = {
  '/api': `http://${backend}`,
  '/ws': { target: `ws://${backend}`, ws: true },
};

export default defineConfig({
  plugins: [react()],
  resolve: { tsconfigPaths: true },
  server: { port: 5173, proxy },
  preview: { port: 4173, proxy },
  // What may be loaded is checked by `npm run size`.
  build: { target: 'es2022', manifest: true, chunkSizeWarningLimit: 700 },
  test: {
    environment: 'happy-dom',
    setupFiles: ['./src/test/setup.ts'],
    css: false,
    env: { TZ: 'UTC' },
    // Typing into a long form takes its time on a busy machine.
    testTimeout: 20_000,
    include: ['src/**/*.test.{ts,tsx}'],
  },
});
