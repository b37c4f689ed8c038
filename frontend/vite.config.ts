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
  build: { target: 'es2022', manifest: true },
  test: {
    environment: 'happy-dom',
    setupFiles: ['./src/test/setup.ts'],
    css: false,
    include: ['src/**/*.test.{ts,tsx}'],
  },
});
