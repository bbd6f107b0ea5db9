# EmoCLIP's frames, with the clip's scores for regression.
_base_ = 'emoclip.py'

pack_scores = dict(**_base_.pack, algorithm_keys=('scores',))
train_pipeline = [*_base_.train_pipeline[:-1], pack_scores]
test_pipeline = [*_base_.test_pipeline[:-1], pack_scores]
