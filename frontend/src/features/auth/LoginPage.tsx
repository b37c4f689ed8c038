import { Anchor, Button, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import { useRouter, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { type Credentials, logIn, signUp } from '@/api/auth';
import { fieldErrors, toApiError } from '@/api/problem';
import { newPasswordError, PASSWORD_LENGTH } from '@/shared/password';
import { Alert } from '@/shared/ui/Alert';
import { ShieldIcon } from '@/shared/ui/icons';
import { PasswordField } from '@/shared/ui/PasswordField';
import { EmailField, emailError } from './EmailField';
import styles from './LoginPage.module.css';
import { RecoveryForm } from './RecoveryForm';

const COPY = {
  login: { title: 'Log in', submit: 'Log in', ask: 'New here?', other: 'Create an account' },
  signup: {
    title: 'Create your account',
    submit: 'Create account',
    ask: 'Have an account?',
    other: 'Log in',
  },
} as const;

type Mode = keyof typeof COPY;

interface LoginFormProps {
  onDone: () => void;
  onForgotten: () => void;
}

export function LoginForm({ onDone, onForgotten }: LoginFormProps) {
  const [mode, setMode] = useState<Mode>('login');
  const [coded, setCoded] = useState(false);
  const copy = COPY[mode];
  const form = useForm<Required<Credentials>>({
    initialValues: { email: '', password: '', totp: '' },
    validate: {
      email: emailError,
      password: (value) => {
        const wrong = newPasswordError(value);
        return wrong && mode === 'login' ? `A password has at least ${PASSWORD_LENGTH} characters.` : wrong;
      },
    },
  });
  const submit = useMutation({
    mutationFn: ({ email, password, totp }: Required<Credentials>) => {
      const credentials = { email: email.trim(), password };
      if (mode === 'signup') return signUp(credentials);
      return logIn(coded ? { ...credentials, totp: totp.trim() } : credentials);
    },
    onSuccess: onDone,
    onError: (thrown) => {
      const error = toApiError(thrown);
      if (error.code === 'totp_required') setCoded(true);
      form.setErrors(fieldErrors(error, ['email', 'password', 'totp']));
    },
  });
  const thrown = submit.error && toApiError(submit.error);
  // That a code is needed is said by its field.
  const failure = thrown?.code === 'totp_required' ? null : thrown;
  const message = form.errors.form ?? (failure && failure.errors.length === 0 ? failure.message : null);

  return (
    <form onSubmit={form.onSubmit((values) => submit.mutate(values))} noValidate aria-label={copy.title}>
      <Stack gap="md">
        <h1 className={styles.title}>{copy.title}</h1>
        {message && <Alert tone="danger">{message}</Alert>}
        <EmailField data-testid="login-email" {...form.getInputProps('email')} />
        <PasswordField
          label="Password"
          size="md"
          autoComplete={mode === 'login' ? 'current-password' : 'new-password'}
          description={
            mode === 'signup' ? `At least ${PASSWORD_LENGTH} characters; a long phrase is best.` : undefined
          }
          data-testid="login-password"
          {...form.getInputProps('password')}
        />
        {coded && mode === 'login' && (
          <TextInput
            label="Code"
            description="Of your authenticator, or a backup code."
            size="md"
            autoFocus
            autoComplete="one-time-code"
            data-testid="login-totp"
            {...form.getInputProps('totp')}
          />
        )}
        <Button type="submit" size="md" fullWidth loading={submit.isPending} data-testid="login-submit">
          {copy.submit}
        </Button>
        <p className={styles.toggle}>
          {copy.ask}{' '}
          <Anchor
            component="button"
            type="button"
            data-testid="login-toggle"
            onClick={() => {
              setMode(mode === 'login' ? 'signup' : 'login');
              submit.reset();
              form.clearErrors();
            }}
          >
            {copy.other}
          </Anchor>
        </p>
        {mode === 'login' && (
          <p className={styles.toggle}>
            <Anchor component="button" type="button" data-testid="login-forgotten" onClick={onForgotten}>
              Password forgotten?
            </Anchor>
          </p>
        )}
      </Stack>
    </form>
  );
}

export function LoginPage() {
  const router = useRouter();
  const { next } = useSearch({ from: '/login' });
  const [recovering, setRecovering] = useState(false);
  const onDone = () => router.history.replace(next ?? '/');
  return (
    <main className={styles.page}>
      <div className={styles.brand}>
        <span className={styles.mark}>
          <ShieldIcon size={22} />
        </span>
        Backstop
      </div>
      <div className={styles.card}>
        {recovering ? (
          <RecoveryForm onDone={onDone} onBack={() => setRecovering(false)} />
        ) : (
          <LoginForm onDone={onDone} onForgotten={() => setRecovering(true)} />
        )}
      </div>
      <p className={styles.foot}>Your signals, executed on Bybit and guarded on every tick.</p>
    </main>
  );
}
