import { Audit } from './Audit';
import { Password } from './Password';
import { SecondFactor } from './SecondFactor';
import styles from './Security.module.css';
import { Sessions } from './Sessions';

export function SecurityPage() {
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>Security</h1>
      <SecondFactor />
      <Password />
      <Sessions />
      <Audit />
    </div>
  );
}
