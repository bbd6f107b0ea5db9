# Evaluation only.
train_cfg = None
val_cfg = None
test_cfg = dict(type='TestLoop')

randomness = dict(seed=1)
