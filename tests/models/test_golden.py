"""Equal to the original code, through the converter and the configs that users run."""

import math

import pytest
import torch
from golden_cases import DEVIATIONS, GOLDEN, ROOT, TOLERANCE
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn


def check(method, name, folder):
    found = DEVIATIONS[method](GOLDEN[method][name], folder)
    for quantity, value in found.items():
        assert value <= TOLERANCE[method][quantity], quantity
    return set(found)


@pytest.mark.promise(
    'Models', 'DFER-CLIP has the logits, loss, gradients and SGD steps of the original code'
)
@pytest.mark.parametrize('name', GOLDEN['dferclip'])
def test_dferclip_answers_as_the_original(name, tmp_path):
    found = check('dferclip', name, tmp_path)
    assert ('SGD losses' in found) == (name == 'end_specific')


@pytest.mark.promise('Models', 'EmoCLIP has the logits, loss and regression of the original code')
@pytest.mark.parametrize('name', GOLDEN['emoclip'])
def test_emoclip_answers_as_the_original(name, tmp_path):
    assert check('emoclip', name, tmp_path) == {'logits', 'loss', 'downstream'}


@pytest.fixture
def model_and_optimizer(tiny_model):
    """A small DFER-CLIP under the optimiser of configs/dferclip_dfew.py."""
    model = MODELS.build(tiny_model)
    cfg = Config.fromfile(ROOT / 'configs' / 'dferclip_dfew.py')
    return model, build_optim_wrapper(model, cfg.optim_wrapper)


def test_every_trained_parameter_has_its_rate_and_decay(model_and_optimizer):
    model, wrapper = model_and_optimizer
    settings = {
        id(parameter): (group['lr'], group['weight_decay'], group['momentum'])
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    rates = {'backbone.visual.': 1e-5, 'neck.': 1e-2, 'cls_head.prompt_learner.context': 1e-3}
    trained = dict(model.named_parameters())
    assert len(settings) == len(trained)
    assert {next(p for p in rates if name.startswith(p)) for name in trained} == set(rates)
    for name, parameter in trained.items():
        rate = next(rate for prefix, rate in rates.items() if name.startswith(prefix))
        assert settings[id(parameter)] == (pytest.approx(rate), 1e-4, 0.9), name


def test_weight_decay_shrinks_norms_and_biases_too(model_and_optimizer):
    model, wrapper = model_and_optimizer
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    wrapper.step()
    for name, rate in {'neck.blocks.0.norm1.weight': 1e-2, 'neck.pos_embed': 1e-2}.items():
        change = (model.get_parameter(name) - before[name]).double()
        torch.testing.assert_close(change, -rate * 1e-4 * before[name].double(), atol=3e-7, rtol=0)
        assert change.abs().max() > 5e-7


def test_every_layer_norm_has_the_published_epsilon(tiny_model):
    model = MODELS.build(tiny_model)
    norms = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    # Two in each block, ln_pre and ln_post, ln_final.
    assert len(norms) == 2 * (2 + 2 + 1) + 3
    assert {norm.eps for norm in norms} == {1e-5}


def plain_layer_norm(x, weight, bias):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight + bias


def plain_text_features(weights, sequences, ends, heads):
    """CLIP's text tower on whole sequences of 77 embedded tokens, written out."""
    x = torch.stack(sequences) + weights['positional_embedding']
    count, length, width = x.shape
    later = torch.ones(length, length).triu(1).bool()
    layers = 1 + max(int(name.split('.')[2]) for name in weights if 'resblocks' in name)
    for layer in range(layers):
        w = {
            name.removeprefix(f'transformer.resblocks.{layer}.'): value
            for name, value in weights.items()
        }
        y = plain_layer_norm(x, w['ln_1.weight'], w['ln_1.bias'])
        y = y @ w['attn.in_proj_weight'].T + w['attn.in_proj_bias']
        q, k, v = (
            part.view(count, length, heads, -1).transpose(1, 2) for part in y.split(width, dim=-1)
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // heads)
        y = scores.masked_fill(later, -math.inf).softmax(-1) @ v
        y = y.transpose(1, 2).reshape(count, length, width)
        x = x + y @ w['attn.out_proj.weight'].T + w['attn.out_proj.bias']
        y = plain_layer_norm(x, w['ln_2.weight'], w['ln_2.bias'])
        y = y @ w['mlp.c_fc.weight'].T + w['mlp.c_fc.bias']
        y = y * torch.sigmoid(1.702 * y)
        x = x + y @ w['mlp.c_proj.weight'].T + w['mlp.c_proj.bias']
    x = plain_layer_norm(x, weights['ln_final.weight'], weights['ln_final.bias'])
    x = x[torch.arange(count), torch.tensor(ends)] @ weights['text_projection']
    return x / x.norm(dim=-1, keepdim=True)


def plain_prompts(head, context, position):
    """Every prompt as 77 embedded tokens, put together one by one, and where it ends."""
    encoder = head.text_encoder
    table, tokenizer = encoder.text.token_embedding.weight, encoder.tokenizer
    sequences, ends = [], []
    for number, sentence in enumerate(SENTENCES):
        mine = context[number] if context.ndim == 3 else context
        text = table[torch.tensor(tokenizer.encode(sentence))]
        half = len(mine) // 2
        inner = {
            'end': [mine, text],
            'middle': [mine[:half], text, mine[half:]],
            'front': [text, mine],
        }[position]
        sequence = torch.cat([table[49406:49407], *inner, table[49407:49408]])
        ends.append(len(sequence) - 1)
        sequences.append(torch.cat([sequence, table[0].expand(77 - len(sequence), -1)]))
    return sequences, ends


SENTENCES = ['a grin', 'lips pulled down and a trembling chin', 'raised brows, wide eyes.']


@pytest.mark.parametrize('class_specific', [True, False])
@pytest.mark.parametrize(
    ('position', 'num_context'),
    [('middle', 3), ('middle', 4), ('middle', 5), ('middle', 7), ('front', 4), ('end', 5)],
)
def test_features_and_gradients_of_every_position(tiny_clip, position, num_context, class_specific):
    """Our short sequences against whole ones of 77 tokens in an independent program."""
    head = MODELS.build(
        dict(
            type='TextPromptHead',
            classes=['a', 'b', 'c'],
            text_encoder=dict(type='CLIPTextEncoder', arch=tiny_clip),
            prompts=SENTENCES,
            num_context=num_context,
            class_specific=class_specific,
            context_position=position,
        )
    )
    ours = head.prompt_learner.context
    theirs = ours.detach().clone().requires_grad_()
    sequences, ends = plain_prompts(head, theirs, position)
    weights = head.text_encoder.text.state_dict()
    expected = plain_text_features(weights, sequences, ends, tiny_clip['text_cfg']['heads'])
    found = head.class_features()
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)
    pull = torch.randn(expected.shape)
    (expected * pull).sum().backward()
    (found * pull).sum().backward()
    assert ours.grad.abs().max() > 1e-3
    torch.testing.assert_close(ours.grad, theirs.grad, atol=2e-5, rtol=1e-4)
